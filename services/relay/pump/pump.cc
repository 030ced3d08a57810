// The pump: moves the bytes of joined sessions between two sockets, in threads of its own.
//
// It knows one thing: whole binary frames whose mask is zero or missing (RFC 6455 section 5.2). What one read brings leaves as
// one frame, from the memory that it was read into. It answers pings. At anything else (another mask, a fragment, a close frame, an end,
// an error) and when it is told so, it gives a session back as it stands, with every byte that it has read and not
// sent; the stream in JavaScript goes on from there (frame-stream.ts). So it has no timers, no close and no reasons.
//
// A session belongs to one thread from `join` until it is given back; meanwhile others read its atomic counters and nothing else.
#include <errno.h>
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

#include <memory>
#include <unordered_map>
#include <vector>

#include "pump-thread.h"

namespace {

struct Pump {
  napi_threadsafe_function give_back = nullptr;
  std::vector<std::unique_ptr<Thread>> threads;
  // Those of the main thread's view: joined, and not given back yet.
  std::unordered_map<uint32_t, Session*> sessions;
  uint32_t last_id = 0;

  Thread& ThreadOf(uint32_t id) { return *threads[id % threads.size()]; }
};

// ── Node-API ──

napi_value Number(napi_env env, double value) {
  napi_value result;
  napi_create_double(env, value, &result);
  return result;
}

int64_t NumberFrom(napi_env env, napi_value value) {
  int64_t result = 0;
  napi_get_value_int64(env, value, &result);
  return result;
}

template <size_t COUNT>
Pump* Arguments(napi_env env, napi_callback_info info, napi_value (&values)[COUNT]) {
  size_t count = COUNT;
  napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  void* pump = nullptr;
  napi_get_value_external(env, values[0], &pump);
  return static_cast<Pump*>(pump);
}

napi_value BufferOf(napi_env env, const uint8_t* from, size_t size) {
  napi_value result;
  napi_create_buffer_copy(env, size, from, nullptr, &result);
  return result;
}

// Of one leg: what to read first, what is left of a payload before that, what to write first, and what went wrong.
napi_value RestOf(napi_env env, Leg& leg) {
  leg.unsent.insert(leg.unsent.end(), leg.owed_pong.begin(), leg.owed_pong.end());
  napi_value rest;
  napi_create_object(env, &rest);
  napi_set_named_property(env, rest, "unread", BufferOf(env, leg.unread.data(), leg.unread.size()));
  napi_set_named_property(env, rest, "left", Number(env, static_cast<double>(leg.left)));
  napi_set_named_property(env, rest, "unsent", BufferOf(env, leg.unsent.data() + leg.sent, leg.unsent.size() - leg.sent));
  napi_set_named_property(env, rest, "errno", Number(env, -leg.error));
  return rest;
}

void GiveBack(napi_env env, napi_value callback, void* context, void* data) {
  const std::unique_ptr<Session> session(static_cast<Session*>(data));
  if (env == nullptr) return;
  napi_handle_scope scope;
  napi_open_handle_scope(env, &scope);
  napi_value nothing;
  napi_get_undefined(env, &nothing);
  napi_value arguments[3] = {Number(env, session->id), RestOf(env, session->legs[0]), RestOf(env, session->legs[1])};
  // An exception ends the process, as one in any other callback does: Node would print a warning at most.
  if (napi_call_function(env, nothing, callback, 3, arguments, nullptr) == napi_pending_exception) {
    napi_value exception;
    napi_get_and_clear_last_exception(env, &exception);
    napi_fatal_exception(env, exception);
  }
  static_cast<Pump*>(context)->sessions.erase(session->id);
  napi_close_handle_scope(env, scope);
}

// A process that exits while sessions run: nobody may call back into what Node takes down.
void StopThreads(void* pump) { static_cast<Pump*>(pump)->threads.clear(); }

// start(threads, giveBack: (id, left: Rest, right: Rest) => void): a pump, or an errno.
napi_value Start(napi_env env, napi_callback_info info) {
  napi_value values[2];
  Arguments(env, info, values);
  auto pump = std::make_unique<Pump>();
  napi_value name;
  napi_create_string_utf8(env, "converge pump", NAPI_AUTO_LENGTH, &name);
  napi_create_threadsafe_function(env, values[1], nullptr, name, 0, 1, nullptr, nullptr, pump.get(), GiveBack, &pump->give_back);
  // The sockets keep the process alive, not the pump.
  napi_unref_threadsafe_function(env, pump->give_back);
  for (int64_t i = NumberFrom(env, values[0]); i > 0; i--) {
    const auto give_back = [back = pump->give_back](Session* session) {
      napi_call_threadsafe_function(back, session, napi_tsfn_nonblocking);
    };
    pump->threads.push_back(std::make_unique<Thread>(give_back));
    const int error = pump->threads.back()->Start();
    if (error == 0) continue;
    pump->threads.clear();
    napi_release_threadsafe_function(pump->give_back, napi_tsfn_abort);
    return Number(env, -error);
  }
  napi_add_env_cleanup_hook(env, StopThreads, pump.get());
  napi_value result;
  napi_create_external(env, pump.release(), nullptr, nullptr, &result);
  return result;
}

// join(pump, leftFd, leftIsClient, leftHead, rightFd, rightIsClient, rightHead): the id of the session, or an errno.
napi_value Join(napi_env env, napi_callback_info info) {
  napi_value values[7];
  Pump* pump = Arguments(env, info, values);
  auto session = std::make_unique<Session>();
  for (int side = 0; side < 2; side++) {
    Leg& leg = session->legs[side];
    leg.session = session.get();
    leg.other = &session->legs[1 - side];
    napi_get_value_bool(env, values[2 + 3 * side], &leg.is_client);
    void* head = nullptr;
    size_t size = 0;
    napi_get_buffer_info(env, values[3 + 3 * side], &head, &size);
    const auto* from = static_cast<uint8_t*>(head);
    leg.unread.assign(from, from + size);
    leg.fd = fcntl(static_cast<int>(NumberFrom(env, values[1 + 3 * side])), F_DUPFD_CLOEXEC, 0);
    if (leg.fd >= 0) continue;
    const int error = errno;
    if (side == 1) close(session->legs[0].fd);
    return Number(env, -error);
  }
  session->id = ++pump->last_id;
  pump->sessions[session->id] = session.get();
  const uint32_t id = session->id;
  pump->ThreadOf(id).Tell({Order::JOIN, session.release(), id});
  return Number(env, id);
}

// recall(pump, id): the session is given back soon, if that is not on its way already.
napi_value Recall(napi_env env, napi_callback_info info) {
  napi_value values[2];
  Pump* pump = Arguments(env, info, values);
  const auto id = static_cast<uint32_t>(NumberFrom(env, values[1]));
  pump->ThreadOf(id).Tell({Order::RECALL, nullptr, id});
  return nullptr;
}

// ping(pump, id, side): pings the peer of one leg, unless it does not read.
napi_value PingPeer(napi_env env, napi_callback_info info) {
  napi_value values[3];
  Pump* pump = Arguments(env, info, values);
  const auto id = static_cast<uint32_t>(NumberFrom(env, values[1]));
  pump->ThreadOf(id).Tell({Order::PING_PEER, nullptr, id, static_cast<int>(NumberFrom(env, values[2]))});
  return nullptr;
}

// read(pump, id, side, target: Float64Array): bytes read, payload of them, bytes held for the peer, and how often it was full.
napi_value ReadCounters(napi_env env, napi_callback_info info) {
  napi_value values[4];
  Pump* pump = Arguments(env, info, values);
  const auto found = pump->sessions.find(static_cast<uint32_t>(NumberFrom(env, values[1])));
  if (found == pump->sessions.end()) return nullptr;
  const Leg& leg = found->second->legs[NumberFrom(env, values[2])];
  double* target = nullptr;
  napi_get_typedarray_info(env, values[3], nullptr, nullptr, reinterpret_cast<void**>(&target), nullptr, nullptr);
  target[0] = static_cast<double>(leg.received.load(std::memory_order_relaxed));
  target[1] = static_cast<double>(leg.payload.load(std::memory_order_relaxed));
  target[2] = static_cast<double>(leg.held.load(std::memory_order_relaxed));
  target[3] = static_cast<double>(leg.hold_ups.load(std::memory_order_relaxed));
  return nullptr;
}

// stop(pump): ends the threads; sessions that were not given back are forgotten. To be called once, and nothing after it.
napi_value Stop(napi_env env, napi_callback_info info) {
  napi_value values[1];
  const std::unique_ptr<Pump> pump(Arguments(env, info, values));
  napi_remove_env_cleanup_hook(env, StopThreads, pump.get());
  pump->threads.clear();
  napi_release_threadsafe_function(pump->give_back, napi_tsfn_abort);
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  const struct {
    const char* name;
    napi_callback call;
  } functions[] = {{"start", Start}, {"join", Join}, {"recall", Recall}, {"ping", PingPeer}, {"read", ReadCounters}, {"stop", Stop}};
  for (const auto& [name, call] : functions) {
    napi_value function;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, call, nullptr, &function);
    napi_set_named_property(env, exports, name, function);
  }
  napi_set_named_property(env, exports, "readBytes", Number(env, READ_BYTES));
  return exports;
}
