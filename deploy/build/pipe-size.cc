// The pipe size: the one call of the kernel that wsproxy needs and Node does not have (fcntl(2), F_SETPIPE_SZ).
#include <fcntl.h>
#include <node_api.h>

// setPipeSize(fd, bytes): the size that the kernel made of it, or -1 if fd is not a pipe or may not be that large.
static napi_value SetPipeSize(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  int32_t fd = -1;
  int32_t bytes = 0;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  napi_value result;
  if (count == 2 && napi_get_value_int32(env, arguments[0], &fd) == napi_ok &&
      napi_get_value_int32(env, arguments[1], &bytes) == napi_ok) {
    bytes = fcntl(fd, F_SETPIPE_SZ, bytes);
  } else {
    bytes = -1;
  }
  napi_create_int32(env, bytes, &result);
  return result;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "setPipeSize", NAPI_AUTO_LENGTH, SetPipeSize, nullptr, &function);
  napi_set_named_property(env, exports, "setPipeSize", function);
  return exports;
}
