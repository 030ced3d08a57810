// Frames: the headers of WebSocket frames (RFC 6455 section 5.2), as far as the pump knows them.
#pragma once
#include <stdint.h>
#include <string.h>

namespace {

// A longer frame is not ours to judge: MAX_FRAME_BYTES of frame-parser.ts.
constexpr uint64_t MAX_FRAME_BYTES = 1024 * 1024;
constexpr size_t MAX_HEADER_BYTES = 14;
constexpr size_t MAX_CONTROL_BYTES = 125;

constexpr uint8_t BINARY = 0x82, PING = 0x89, PONG = 0x8a;

size_t WriteHeader(uint8_t* target, uint8_t first, uint64_t length, bool masked) {
  const uint8_t mark = masked ? 0x80 : 0;
  size_t at = 2;
  target[0] = first;
  if (length < 126) {
    target[1] = mark | static_cast<uint8_t>(length);
  } else {
    const int count = length < 0x10000 ? 2 : 8;
    target[1] = mark | (count == 2 ? 126 : 127);
    for (int i = count - 1; i >= 0; i--) target[at++] = static_cast<uint8_t>(length >> (8 * i));
  }
  if (masked) {
    memset(target + at, 0, 4);
    at += 4;
  }
  return at;
}

struct Header {
  enum Kind { SHORT, ODD, DATA, CONTROL } kind;
  uint8_t first = 0;
  size_t size = 0;
  uint64_t length = 0;
};

// The header at `at`, which is SHORT until it is there whole.
Header ReadHeader(const uint8_t* at, size_t count, bool is_masked) {
  if (count < 2) return {Header::SHORT};
  const uint8_t mark = at[1] & 0x7f;
  const bool is_control = at[0] == PING || at[0] == PONG;
  if ((at[0] != BINARY && !is_control) || ((at[1] & 0x80) != 0) != is_masked) return {Header::ODD};
  if (is_control && mark > MAX_CONTROL_BYTES) return {Header::ODD};
  const size_t extra = mark == 126 ? 2 : mark == 127 ? 8 : 0;
  const size_t size = 2 + extra + (is_masked ? 4 : 0);
  if (count < size) return {Header::SHORT};
  uint64_t length = extra == 0 ? mark : 0;
  for (size_t i = 0; i < extra; i++) length = length << 8 | at[2 + i];
  uint32_t mask = 0;
  if (is_masked) memcpy(&mask, at + size - 4, 4);
  if (length > MAX_FRAME_BYTES || mask != 0) return {Header::ODD};
  return {is_control ? Header::CONTROL : Header::DATA, at[0], size, length};
}

}  // namespace
