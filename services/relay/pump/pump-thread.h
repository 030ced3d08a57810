// The pump's thread: moves the frames of its sessions until each is over, and then gives it back.
#pragma once
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <vector>

#include "frames.h"

namespace {

// What one read takes, in bytes; a leg whose peer does not read holds that much, and the answer to one ping.
constexpr size_t READ_BYTES = 128 * 1024;
// A payload shorter than this is moved up to the one before it: a vector of many parts costs more than the copy.
constexpr size_t JOIN_BELOW_BYTES = 4 * 1024;
// At most one part for each JOIN_BELOW_BYTES of a read, the first one, and the header.
constexpr size_t MAX_PARTS = READ_BYTES / JOIN_BELOW_BYTES + 2;
// A header or a control frame that has not come whole.
constexpr size_t MAX_PART_BYTES = MAX_HEADER_BYTES + MAX_CONTROL_BYTES;
constexpr int EVENTS_AT_ONCE = 128;
// Waking up for a few bytes costs more than moving them. A thread that had so many small reads in a millisecond rests for a
// moment before the next ones, so that they bring more. One person's keys, or a request at a time, never come so fast.
constexpr size_t SMALL_READ_BYTES = 4 * 1024;
constexpr int64_t SMALL_READS_PER_MS = 32;
constexpr int64_t REST_NS = 500'000;

using Bytes = std::vector<uint8_t>;
struct Session;

struct Leg {
  Session* session = nullptr;
  Leg* other = nullptr;
  int fd = -1;
  // The end that dialled masks what it sends, and what comes to it is not masked.
  bool is_client = false;
  uint32_t interest = 0;
  // Of the payload that is coming in, in bytes.
  uint64_t left = 0;
  // What was read and could not be judged yet; in the end, what is left to JavaScript.
  Bytes unread;
  // What the kernel has not taken.
  Bytes unsent;
  size_t sent = 0;
  // The answer to the newest ping that came meanwhile.
  Bytes owed_pong;
  int error = 0;
  std::atomic<uint64_t> received{0}, payload{0}, held{0}, hold_ups{0};

  bool IsFull() const { return !unsent.empty(); }
};

struct Session {
  uint32_t id = 0;
  Leg legs[2];
  bool is_over = false;
};

struct Order {
  enum Kind { JOIN, RECALL, PING_PEER, STOP } kind;
  Session* session = nullptr;
  uint32_t id = 0;
  int side = 0;
};

class Thread {
 public:
  // `give_back` is called in this thread, and owns the session from then on.
  explicit Thread(std::function<void(Session*)> give_back) : give_back_(std::move(give_back)) {}

  // The errno of what could not be had, or 0.
  int Start() {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) return errno;
    wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    epoll_event event{EPOLLIN, {nullptr}};
    if (wake_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) != 0) return errno;
    try {
      thread_ = std::thread([this] { Run(); });
    } catch (const std::system_error& refusal) {
      return refusal.code().value();
    }
    return 0;
  }

  void Tell(Order order) {
    {
      const std::lock_guard lock(mutex_);
      orders_.push_back(order);
    }
    const uint64_t one = 1;
    if (write(wake_, &one, sizeof one) < 0) return;  // it is full: the thread wakes all the same
  }

  ~Thread() {
    if (thread_.joinable()) {
      Tell({Order::STOP});
      thread_.join();
    }
    if (wake_ >= 0) close(wake_);
    if (epoll_ >= 0) close(epoll_);
  }

 private:
  void Run() {
    epoll_event events[EVENTS_AT_ONCE];
    for (bool goes_on = true; goes_on;) {
      const int count = epoll_wait(epoll_, events, EVENTS_AT_ONCE, -1);
      for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == nullptr) goes_on = Obey() && goes_on;
        else Look(*static_cast<Leg*>(events[i].data.ptr), events[i].events);
      }
      // Not before: a later event of the same batch may be of the same session.
      for (Session* session : over_) give_back_(session);
      over_.clear();
      if (goes_on) Rest();
    }
    for (auto& [id, session] : sessions_) {
      Release(*session);
      delete session;
    }
  }

  // Sleeps if the millisecond before was one of many small reads.
  void Rest() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t passed = (now.tv_sec - since_.tv_sec) * 1'000'000'000 + now.tv_nsec - since_.tv_nsec;
    if (passed >= 1'000'000) {
      rests_ = small_reads_ * 1'000'000 >= SMALL_READS_PER_MS * passed;
      small_reads_ = 0;
      since_ = now;
    }
    if (!rests_) return;
    const timespec moment{0, REST_NS};
    nanosleep(&moment, nullptr);
  }

  bool Obey() {
    uint64_t count;
    if (read(wake_, &count, sizeof count) < 0) return true;
    std::vector<Order> orders;
    {
      const std::lock_guard lock(mutex_);
      orders.swap(orders_);
    }
    for (const Order& order : orders) {
      if (order.kind == Order::STOP) return false;
      if (order.kind == Order::JOIN) {
        Join(*order.session);
        continue;
      }
      const auto found = sessions_.find(order.id);
      if (found == sessions_.end()) continue;
      if (order.kind == Order::RECALL) End(*found->second);
      else Control(found->second->legs[order.side], PING, nullptr, 0);
    }
    return true;
  }

  void Join(Session& session) {
    sessions_[session.id] = &session;
    for (Leg& leg : session.legs) {
      epoll_event event{0, {&leg}};
      if (epoll_ctl(epoll_, EPOLL_CTL_ADD, leg.fd, &event) != 0) return Fail(leg, errno);
    }
    for (Leg& leg : session.legs) {
      // What JavaScript had read before. Read again with the piece behind it: what could not be judged at its end.
      Bytes head = std::move(leg.unread);
      uint8_t* at = head.data();
      uint8_t* const end = at + head.size();
      leg.unread.clear();
      for (uint8_t* stop = at; stop < end && !session.is_over; at = stop - leg.unread.size()) {
        stop = at + std::min<size_t>(READ_BYTES, end - at);
        Move(leg, at, stop);
      }
      leg.unread.assign(at, end);
    }
    Watch(session.legs[0]);
    Watch(session.legs[1]);
  }

  // A leg is read while the other one takes what it brings.
  void Watch(Leg& leg) {
    if (leg.session->is_over) return;
    const uint32_t interest = (leg.other->IsFull() ? 0U : EPOLLIN) | (leg.IsFull() ? EPOLLOUT : 0U);
    if (interest == leg.interest) return;
    epoll_event event{interest, {&leg}};
    if (epoll_ctl(epoll_, EPOLL_CTL_MOD, leg.fd, &event) != 0) return Fail(leg, errno);
    leg.interest = interest;
  }

  void Look(Leg& leg, uint32_t events) {
    if (leg.session->is_over) return;
    const bool is_gone = (events & (EPOLLERR | EPOLLHUP)) != 0;
    // What a peer said last is read before anything is written to it: a write that fails would lose its goodbye.
    if (is_gone || (events & EPOLLIN) != 0) {
      if (!leg.other->IsFull()) Read(leg);
      else if (is_gone) End(*leg.session);  // while nobody read: JavaScript finds out how
    }
    if (!is_gone && (events & EPOLLOUT) != 0 && !leg.session->is_over) Flush(leg);
  }

  void Read(Leg& leg) {
    uint8_t* const start = memory_ + MAX_PART_BYTES;
    const ssize_t count = recv(leg.fd, start, READ_BYTES, 0);
    if (count == 0) return End(*leg.session);
    if (count < 0) {
      if (errno != EAGAIN && errno != EINTR) Fail(leg, errno);
      return;
    }
    leg.received.fetch_add(count, std::memory_order_relaxed);
    if (static_cast<size_t>(count) < SMALL_READ_BYTES) small_reads_++;
    const size_t kept = leg.unread.size();
    if (kept > 0) memcpy(start - kept, leg.unread.data(), kept);
    leg.unread.clear();
    Move(leg, start - kept, start + count);
  }

  // Sends the payloads from `at` to `end` to the other leg.
  void Move(Leg& leg, uint8_t* at, uint8_t* const end) {
    iovec parts[MAX_PARTS];
    size_t count = 1;
    uint64_t total = 0;
    const auto add = [&](uint8_t* from, size_t size) {
      if (count > 1 && size < JOIN_BELOW_BYTES) {
        iovec& last = parts[count - 1];
        memmove(static_cast<uint8_t*>(last.iov_base) + last.iov_len, from, size);
        last.iov_len += size;
      } else {
        parts[count++] = {from, size};
      }
      total += size;
    };
    bool is_odd = false;
    uint8_t pong[MAX_CONTROL_BYTES];
    int pong_size = -1;
    while (at < end) {
      if (leg.left > 0) {
        const size_t size = std::min<uint64_t>(leg.left, end - at);
        add(at, size);
        at += size;
        leg.left -= size;
        continue;
      }
      const Header header = ReadHeader(at, end - at, !leg.is_client);
      is_odd = header.kind == Header::ODD;
      if (is_odd || header.kind == Header::SHORT) break;
      if (header.kind == Header::CONTROL) {
        if (header.size + header.length > static_cast<size_t>(end - at)) break;
        if (header.first == PING) {
          pong_size = static_cast<int>(header.length);
          memcpy(pong, at + header.size, header.length);
        }
        at += header.length;
      } else {
        leg.left = header.length;
      }
      at += header.size;
    }
    leg.unread.assign(at, end);
    if (total > 0) {
      leg.payload.fetch_add(total, std::memory_order_relaxed);
      uint8_t header[MAX_HEADER_BYTES];
      parts[0] = {header, WriteHeader(header, BINARY, total, leg.other->is_client)};
      Send(*leg.other, parts, count);
    }
    if (pong_size >= 0) Control(leg, PONG, pong, pong_size);
    if (is_odd) End(*leg.session);
  }

  // A control frame of ours. To a peer that does not read, only the newest answer is owed (RFC 6455 section 5.5.3), and no ping.
  void Control(Leg& leg, uint8_t first, const uint8_t* payload, size_t size) {
    uint8_t header[MAX_HEADER_BYTES];
    const size_t header_size = WriteHeader(header, first, size, leg.is_client);
    // Nor is anything sent once the session is over: its descriptors may be another session's by now.
    if (leg.IsFull() || leg.session->is_over) {
      if (first != PONG) return;
      leg.owed_pong.assign(header, header + header_size);
      leg.owed_pong.insert(leg.owed_pong.end(), payload, payload + size);
      return;
    }
    iovec parts[2] = {{header, header_size}, {const_cast<uint8_t*>(payload), size}};
    Send(leg, parts, 2);
  }

  void Send(Leg& leg, iovec* parts, size_t count) {
    ssize_t taken = 0;
    if (!leg.IsFull()) {
      msghdr message{};
      message.msg_iov = parts;
      message.msg_iovlen = count;
      taken = sendmsg(leg.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (taken < 0) {
        if (errno != EAGAIN && errno != EINTR) Fail(leg, errno);
        taken = 0;
      }
    }
    size_t skip = taken;
    for (size_t i = 0; i < count; i++) {
      const auto* from = static_cast<uint8_t*>(parts[i].iov_base);
      const size_t skipped = std::min(skip, parts[i].iov_len);
      leg.unsent.insert(leg.unsent.end(), from + skipped, from + parts[i].iov_len);
      skip -= skipped;
    }
    if (leg.IsFull()) Held(leg);
  }

  void Held(Leg& leg) {
    leg.hold_ups.fetch_add(1, std::memory_order_relaxed);
    leg.held.store(leg.unsent.size() - leg.sent, std::memory_order_relaxed);
    Watch(leg);
    Watch(*leg.other);
  }

  void Flush(Leg& leg) {
    const ssize_t taken = send(leg.fd, leg.unsent.data() + leg.sent, leg.unsent.size() - leg.sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken < 0) {
      if (errno != EAGAIN && errno != EINTR) Fail(leg, errno);
      return;
    }
    leg.sent += taken;
    if (leg.sent < leg.unsent.size()) return Held(leg);
    Bytes().swap(leg.unsent);
    leg.sent = 0;
    if (!leg.owed_pong.empty()) {
      Bytes pong;
      pong.swap(leg.owed_pong);
      iovec part{pong.data(), pong.size()};
      Send(leg, &part, 1);
    }
    if (!leg.IsFull()) leg.held.store(0, std::memory_order_relaxed);
    Watch(leg);
    Watch(*leg.other);
  }

  void Fail(Leg& leg, int error) {
    leg.error = error;
    End(*leg.session);
  }

  void End(Session& session) {
    if (session.is_over) return;
    session.is_over = true;
    sessions_.erase(session.id);
    Release(session);
    over_.push_back(&session);
  }

  void Release(Session& session) {
    for (Leg& leg : session.legs) {
      // The descriptor is a second one of a socket that lives on, so closing it would leave it watched.
      epoll_ctl(epoll_, EPOLL_CTL_DEL, leg.fd, nullptr);
      close(leg.fd);
      leg.fd = -1;
    }
  }

  int epoll_ = -1;
  int wake_ = -1;
  std::thread thread_;
  std::mutex mutex_;
  std::vector<Order> orders_;
  std::unordered_map<uint32_t, Session*> sessions_;
  std::vector<Session*> over_;
  // Small reads from `since_` on.
  int64_t small_reads_ = 0;
  timespec since_{};
  bool rests_ = false;
  const std::function<void(Session*)> give_back_;
  uint8_t memory_[MAX_PART_BYTES + READ_BYTES];
};

}  // namespace
