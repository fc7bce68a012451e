#include "apps/bridge/trace.hpp"

#include <algorithm>

namespace troupe {
namespace {

constexpr std::uint64_t golden_gamma = 0x9e3779b97f4a7c15; // SplitMix64 (Steele, Lea, Flood 2014)

std::uint64_t mix(std::uint64_t z) noexcept {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

void append_hex(std::string& out, std::uint64_t v) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4)
    out += digits[(v >> shift) & 15];
}

bool is_id(std::string_view text) {
  const auto lower_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return std::all_of(text.begin(), text.end(), lower_hex) && text.find_first_not_of('0') != std::string_view::npos;
}

// "00-" trace id (32) "-" parent id (16) "-" flags (2)
bool is_traceparent(std::string_view t) {
  return t.size() == 55 && t.starts_with("00-") && t[35] == '-' && t[52] == '-' && is_id(t.substr(3, 32))
         && is_id(t.substr(36, 16)) && is_id(std::string{"1"}.append(t.substr(53, 2)));
}

} // namespace

trace trace_source::next(std::string_view incoming) {
  const auto base = state_.fetch_add(3 * golden_gamma, std::memory_order_relaxed);
  trace out;
  std::string_view flags = "01";
  if (is_traceparent(incoming)) {
    out.id = incoming.substr(3, 32);
    flags = incoming.substr(53, 2);
  } else {
    out.id.reserve(32);
    append_hex(out.id, mix(base));
    append_hex(out.id, mix(base + golden_gamma) | 1); // never all zeros
  }
  out.traceparent.reserve(55);
  out.traceparent.append("00-").append(out.id).append("-");
  append_hex(out.traceparent, mix(base + 2 * golden_gamma) | 1);
  out.traceparent.append("-").append(flags);
  return out;
}

} // namespace troupe
