// Trials of the pump under the sanitizers of the compiler: random and hostile bytes on real sockets, calls at random moments.
//
//   trial SEED ROUNDS
//
// Each round joins a crowd of sessions at once. Both peers of each write frames, in pieces of all sizes, among them such as the pump
// does not know, and plain noise; some read late, some vanish. Now and then a session is called back. In the end every byte is
// accounted for: what the other peer read, what the pump gave back, and what is still in the kernel, are together what was written.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <condition_variable>
#include <memory>
#include <random>
#include <set>

#include "../../services/relay/pump/pump-thread.h"

namespace {

constexpr int SESSIONS = 24;
constexpr int THREADS = 3;

using Random = std::mt19937;

size_t Below(Random& random, size_t count) { return random() % count; }

[[noreturn]] void Die(const char* what, uint32_t seed) {
  fprintf(stderr, "trial: %s (seed %u)\n", what, seed);
  exit(1);
}

struct Pair {
  int near, far;
};

Pair Connect() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const int far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener, 1) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      connect(far, reinterpret_cast<sockaddr*>(&address), size) != 0)
    Die("no loopback", 0);
  const int near = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  close(listener);
  // Full often; but a window below the 64 KiB of a loopback packet would wait for timers of the kernel.
  const int to_send = 32 * 1024, to_read = 256 * 1024;
  for (const int end : {near, far}) {
    setsockopt(end, SOL_SOCKET, SO_SNDBUF, &to_send, sizeof to_send);
    setsockopt(end, SOL_SOCKET, SO_RCVBUF, &to_read, sizeof to_read);
  }
  fcntl(far, F_SETFL, O_NONBLOCK);
  return {near, far};
}

void AddFrame(Bytes& wire, uint8_t first, const Bytes& payload, bool masked, uint32_t mask) {
  uint8_t header[MAX_HEADER_BYTES];
  const size_t size = WriteHeader(header, first, payload.size(), masked);
  if (masked) memcpy(header + size - 4, &mask, 4);
  wire.insert(wire.end(), header, header + size);
  wire.insert(wire.end(), payload.begin(), payload.end());
}

Bytes Payload(Random& random, bool is_small) {
  static const size_t SIZES[] = {0, 1, 125, 126, 4095, 4096, 65535, 65536, 131072, 300000, 1048576};
  Bytes payload(is_small ? Below(random, 140) : Below(random, 3) > 0 ? Below(random, 3000) : SIZES[Below(random, std::size(SIZES))]);
  for (uint8_t& byte : payload) byte = static_cast<uint8_t>(random());
  return payload;
}

// What one peer writes.
Bytes Wire(Random& random, bool masked, bool is_small) {
  Bytes wire;
  for (size_t i = 0, count = Below(random, is_small ? 150 : 30); i < count; i++) {
    Bytes payload = Payload(random, is_small);
    // From 6 on the pump knows them.
    const size_t kind = Below(random, is_small ? 600 : 60);
    if (kind < 11 && kind != 4) payload.resize(std::min<size_t>(payload.size(), MAX_CONTROL_BYTES));
    if (kind == 0) AddFrame(wire, PING, payload, masked, random());
    else if (kind == 1) AddFrame(wire, 0x88, payload, masked, 0);
    else if (kind == 2) AddFrame(wire, static_cast<uint8_t>(random()), payload, masked, 0);
    else if (kind == 3) AddFrame(wire, BINARY, payload, !masked, 0);
    else if (kind == 4) AddFrame(wire, BINARY, payload, masked, random());
    else if (kind == 5) wire.insert(wire.end(), payload.begin(), payload.end());
    else if (kind < 9) AddFrame(wire, PING, payload, masked, 0);
    else if (kind < 11) AddFrame(wire, PONG, payload, masked, 0);
    else AddFrame(wire, BINARY, payload, masked, 0);
  }
  return wire;
}

struct Peer {
  Pair sockets;
  Bytes wire;
  size_t written = 0;
  size_t reads_after = 0;
  // Small frames in smaller pieces: every header comes in parts.
  bool is_small = false;
  bool vanishes = false;
  bool is_done = false;
  Bytes read;
};

// What was given back of one leg.
struct Rest {
  Bytes unread, unsent;
  uint64_t left = 0, payload = 0;
};

struct Trial {
  Peer peers[2];
  bool dialled[2];
  Rest rests[2];
};

// The payload in `bytes`, which are frames that the pump knows, the last of them perhaps begun only. Another reading of the RFC than the pump's.
Bytes PayloadsIn(const Bytes& bytes, bool masked, uint64_t* missing, uint32_t seed) {
  Bytes payloads;
  *missing = 0;
  size_t at = 0;
  while (at + 2 <= bytes.size()) {
    const bool is_data = bytes[at] == 0x82;
    const int form = bytes[at + 1] & 0x7f;
    if ((!is_data && bytes[at] != 0x89 && bytes[at] != 0x8a) || (bytes[at + 1] >= 0x80) != masked || (!is_data && form > 125)) break;
    size_t head = at + 2;
    uint64_t length = form;
    const size_t extra = form == 127 ? 8 : form == 126 ? 2 : 0;
    if (head + extra + (masked ? 4 : 0) > bytes.size()) break;
    if (extra > 0) length = 0;
    for (size_t i = 0; i < extra; i++) length = length * 256 + bytes[head + i];
    head += extra;
    if (masked && (bytes[head] | bytes[head + 1] | bytes[head + 2] | bytes[head + 3]) != 0) break;
    if (masked) head += 4;
    if (length > 1048576) break;
    const size_t here = std::min<uint64_t>(length, bytes.size() - head);
    // A control frame is taken whole.
    if (!is_data && here < length) break;
    if (is_data) payloads.insert(payloads.end(), bytes.begin() + head, bytes.begin() + head + here);
    *missing = length - here;
    at = head + here;
  }
  if (at < bytes.size()) Die("bytes that are no frame were taken", seed);
  return payloads;
}

// What is at `fd`, or on its way there from its peer.
Bytes Drain(int fd, int peer) {
  Bytes bytes;
  uint8_t piece[65536];
  for (;;) {
    int unsent = 0;
    ioctl(peer, SIOCOUTQ, &unsent);
    const ssize_t count = recv(fd, piece, sizeof piece, MSG_DONTWAIT);
    if (count > 0) bytes.insert(bytes.end(), piece, piece + count);
    else if (count == 0 || unsent == 0) return bytes;
    else poll(nullptr, 0, 1);
  }
}

// Every byte from one peer to the other one. True if all that can be known was checked.
void Check(Trial& trial, int from, uint32_t seed) {
  Peer& writer = trial.peers[from];
  Peer& reader = trial.peers[1 - from];
  const Rest& in = trial.rests[from];
  if (writer.vanishes || reader.vanishes) return;
  Bytes arrived = reader.read;
  const Bytes late = Drain(reader.sockets.far, reader.sockets.near);
  arrived.insert(arrived.end(), late.begin(), late.end());
  const Bytes& unsent = trial.rests[1 - from].unsent;
  arrived.insert(arrived.end(), unsent.begin(), unsent.end());
  uint64_t missing = 0;
  const Bytes moved = PayloadsIn(arrived, trial.dialled[1 - from], &missing, seed);
  if (missing > 0) Die("a frame that was sent is not whole", seed);
  if (moved.size() != in.payload) Die("the count of payload is wrong", seed);
  Bytes tail = in.unread;
  const Bytes kernel = Drain(writer.sockets.near, writer.sockets.far);
  tail.insert(tail.end(), kernel.begin(), kernel.end());
  const size_t taken = writer.written - tail.size();
  if (writer.written < tail.size() || !std::equal(tail.begin(), tail.end(), writer.wire.begin() + taken)) Die("what was given back is not what was written", seed);
  const Bytes prefix(writer.wire.begin(), writer.wire.begin() + taken);
  const Bytes expected = PayloadsIn(prefix, !trial.dialled[from], &missing, seed);
  if (missing != in.left) Die("the rest of a frame is of another length", seed);
  if (expected != moved) Die("other bytes arrived than were sent", seed);
}

// Takes back what the pump gives, and lets go of it at once: what the pump still holds of it then is a fault.
class Crowd {
 public:
  explicit Crowd(std::vector<Trial>& trials) : trials_(trials) {}

  void Back(Session* session) {
    const std::lock_guard lock(mutex_);
    for (int side = 0; side < 2; side++) {
      const Leg& leg = session->legs[side];
      trials_[session->id].rests[side] = {leg.unread, Bytes(leg.unsent.begin() + leg.sent, leg.unsent.end()), leg.left, leg.payload};
    }
    back_.insert(session->id);
    kept_.reset(session);
    changed_.notify_all();
  }

  // Of a session that is known to be back.
  const Session& Kept() const { return *kept_; }

  bool IsBack(uint32_t id) {
    const std::lock_guard lock(mutex_);
    return back_.count(id) > 0;
  }

  void Await(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return back_.size() == count; });
  }

 private:
  std::vector<Trial>& trials_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<uint32_t> back_;
  // The newest one, for who asks for more of it.
  std::unique_ptr<Session> kept_;
};

// Both ends of a leg, dialled by the peer.
Pair AddLeg(Session& session, int side) {
  const Pair pair = Connect();
  Leg& leg = session.legs[side];
  leg.session = &session;
  leg.other = &session.legs[1 - side];
  leg.fd = fcntl(pair.near, F_DUPFD_CLOEXEC, 0);
  return pair;
}

// Resets the connection of `end`.
void Reset(int end) {
  const linger at_once{1, 0};
  setsockopt(end, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(end);
}

// Data and a ping came together, and the peer that the data is for is gone: the answer is owed, and nothing is sent by a descriptor that was closed.
void PingBesideFault(uint32_t seed) {
  std::vector<Trial> trials(1);
  Crowd crowd(trials);
  Thread thread([&](Session* session) { crowd.Back(session); });
  if (thread.Start() != 0) Die("no thread", seed);
  auto* session = new Session;
  const Pair pairs[2] = {AddLeg(*session, 0), AddLeg(*session, 1)};
  Reset(pairs[1].far);
  AddFrame(session->legs[0].unread, BINARY, Bytes(100), true, 0);
  AddFrame(session->legs[0].unread, PING, Bytes(5), true, 0);
  thread.Tell({Order::JOIN, session, 0});
  crowd.Await(1);
  const Leg(&legs)[2] = crowd.Kept().legs;
  if (legs[1].error == 0) Die("a reset was not noticed", seed);
  if (legs[0].error != 0 || legs[0].owed_pong.size() != 2 + 5) Die("a ping was answered by a closed descriptor", seed);
  for (const Pair& pair : pairs) close(pair.near);
  close(pairs[0].far);
}

// One step of a peer; false when there is nothing to do for it.
bool Step(Peer& peer, Random& random, bool is_back) {
  if (peer.sockets.far < 0) return false;
  bool did = false;
  if (peer.written < peer.wire.size()) {
    const size_t most = peer.is_small || Below(random, 4) > 0 ? 1 + Below(random, 20) : 1 + Below(random, 200000);
    const ssize_t count = send(peer.sockets.far, peer.wire.data() + peer.written, std::min(most, peer.wire.size() - peer.written), MSG_NOSIGNAL);
    if (count > 0) peer.written += count;
    did = count > 0;
    if (count < 0 && errno != EAGAIN) peer.written = peer.wire.size();
  } else if (peer.vanishes) {
    close(peer.sockets.far);
    peer.sockets.far = -1;
    return true;
  } else if (!peer.is_done) {
    peer.is_done = true;
    if (Below(random, 2) == 0) shutdown(peer.sockets.far, SHUT_WR);
    did = true;
  }
  if (peer.reads_after > 0 && !is_back) {
    peer.reads_after--;
    return true;
  }
  uint8_t piece[100000];
  const ssize_t count = recv(peer.sockets.far, piece, 1 + Below(random, sizeof piece), 0);
  if (count > 0) peer.read.insert(peer.read.end(), piece, piece + count);
  return did || count > 0;
}

// A peer that has not read everything says goodbye and is gone at once: what it said last counts.
void GoodbyeBesideReset(uint32_t seed) {
  std::vector<Trial> trials(1);
  Crowd crowd(trials);
  Thread thread([&](Session* session) { crowd.Back(session); });
  if (thread.Start() != 0) Die("no thread", seed);
  auto* session = new Session;
  const Pair pairs[2] = {AddLeg(*session, 0), AddLeg(*session, 1)};
  session->legs[0].unsent = Bytes(100);
  Bytes wire;
  AddFrame(wire, BINARY, Bytes(100), true, 0);
  AddFrame(wire, 0x88, Bytes(0), true, 0);
  if (send(pairs[0].far, wire.data(), wire.size(), 0) != static_cast<ssize_t>(wire.size())) Die("no loopback", seed);
  Reset(pairs[0].far);
  thread.Tell({Order::JOIN, session, 0});
  crowd.Await(1);
  const Leg(&legs)[2] = crowd.Kept().legs;
  if (legs[0].payload != 100 || legs[0].unread.size() != 6) Die("the last words before a reset were lost", seed);
  for (const Pair& pair : pairs) close(pair.near);
  close(pairs[1].far);
}

void Round(uint32_t seed) {
  Random random(seed);
  std::vector<Trial> trials(SESSIONS);
  Crowd crowd(trials);
  std::vector<std::unique_ptr<Thread>> threads;
  for (int i = 0; i < THREADS; i++) {
    threads.push_back(std::make_unique<Thread>([&](Session* session) { crowd.Back(session); }));
    if (threads.back()->Start() != 0) Die("no thread", seed);
  }
  for (uint32_t id = 0; id < SESSIONS; id++) {
    Trial& trial = trials[id];
    auto* session = new Session;
    session->id = id;
    for (int side = 0; side < 2; side++) {
      Peer& peer = trial.peers[side];
      Leg& leg = session->legs[side];
      trial.dialled[side] = Below(random, 3) == 0;
      peer.sockets = Connect();
      peer.is_small = Below(random, 2) == 0;
      peer.wire = Wire(random, !trial.dialled[side], peer.is_small);
      peer.reads_after = Below(random, 3) == 0 ? Below(random, 3000) : 0;
      peer.vanishes = Below(random, 8) == 0;
      leg.session = session;
      leg.other = &session->legs[1 - side];
      leg.is_client = trial.dialled[side];
      leg.fd = fcntl(peer.sockets.near, F_DUPFD_CLOEXEC, 0);
      // What was read before the pump had it.
      if (Below(random, 3) == 0) {
        peer.written = Below(random, peer.wire.size() + 1);
        leg.unread.assign(peer.wire.begin(), peer.wire.begin() + peer.written);
      }
    }
    threads[id % THREADS]->Tell({Order::JOIN, session, id});
  }
  for (bool goes_on = true; goes_on;) {
    goes_on = false;
    for (uint32_t id = 0; id < SESSIONS; id++) {
      Trial& trial = trials[id];
      const bool is_back = crowd.IsBack(id);
      for (Peer& peer : trial.peers) goes_on = Step(peer, random, is_back) || goes_on;
      const size_t chance = Below(random, 2000);
      if (chance == 0) threads[id % THREADS]->Tell({Order::RECALL, nullptr, id});
      if (chance < 20) threads[id % THREADS]->Tell({Order::PING_PEER, nullptr, id, static_cast<int>(chance % 2)});
    }
  }
  // Whatever is still on its way arrives: nobody is called back before all stand still.
  for (int still = 0; still < 5;) {
    bool moved = false;
    poll(nullptr, 0, 1);
    for (Trial& trial : trials)
      for (Peer& peer : trial.peers) moved = Step(peer, random, true) || moved;
    for (Trial& trial : trials)
      for (Peer& peer : trial.peers) {
        int unsent = 0;
        if (peer.sockets.far >= 0) ioctl(peer.sockets.near, SIOCOUTQ, &unsent);
        moved = moved || unsent > 0;
      }
    still = moved ? 0 : still + 1;
  }
  for (uint32_t id = 0; id < SESSIONS; id++) threads[id % THREADS]->Tell({Order::RECALL, nullptr, id});
  crowd.Await(SESSIONS);
  for (Trial& trial : trials) {
    for (int from = 0; from < 2; from++) Check(trial, from, seed);
    for (Peer& peer : trial.peers) {
      close(peer.sockets.near);
      if (peer.sockets.far >= 0) close(peer.sockets.far);
    }
  }
  // A pump that ends with sessions in its hands.
  Session* last = new Session;
  const Pair pairs[2] = {AddLeg(*last, 0), AddLeg(*last, 1)};
  threads[0]->Tell({Order::JOIN, last, SESSIONS});
  threads.clear();
  for (const Pair& pair : pairs) {
    close(pair.near);
    close(pair.far);
  }
  PingBesideFault(seed);
  GoodbyeBesideReset(seed);
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) return 2;
  const auto seed = static_cast<uint32_t>(strtoul(words[1], nullptr, 10));
  const auto rounds = static_cast<uint32_t>(strtoul(words[2], nullptr, 10));
  for (uint32_t round = 0; round < rounds; round++) Round(seed + round);
  printf("%u rounds of %d sessions from seed %u: every byte is accounted for\n", rounds, SESSIONS, seed);
}
