#include "actors/jq/framing.hpp"

namespace troupe::jq {
namespace {

constexpr std::size_t number_bytes = 4;

void append_number(std::string& out, std::uint32_t n) {
  for (std::size_t i = 0; i < number_bytes; ++i)
    out.push_back(static_cast<char>((n >> (8 * i)) & 0xFFU));
}

std::uint32_t number_at(std::string_view bytes) {
  std::uint32_t n = 0;
  for (std::size_t i = 0; i < number_bytes; ++i)
    n |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return n;
}

bool is_kind(char c) {
  switch (static_cast<frame_kind>(c)) {
  case frame_kind::program:
  case frame_kind::body:
  case frame_kind::good:
  case frame_kind::bad:
    return true;
  }
  return false;
}

} // namespace

void append_frame(std::string& out, frame_kind kind, std::string_view payload) {
  append_number(out, static_cast<std::uint32_t>(payload.size() + 1));
  out.push_back(static_cast<char>(kind));
  out.append(payload);
}

void append_body_frame(std::string& out, std::uint32_t program, std::string_view body) {
  append_number(out, static_cast<std::uint32_t>(body.size() + 1 + number_bytes));
  out.push_back(static_cast<char>(frame_kind::body));
  append_number(out, program);
  out.append(body);
}

std::optional<std::uint32_t> take_program(std::string_view& payload) {
  if (payload.size() < number_bytes)
    return std::nullopt;
  const auto n = number_at(payload);
  payload.remove_prefix(number_bytes);
  return n;
}

std::optional<frame> frame_reader::next() {
  if (broken_ || pending_.size() < number_bytes)
    return std::nullopt;
  const std::size_t length = number_at(pending_);
  if (length == 0 || length - 1 > longest_ || (pending_.size() > number_bytes && !is_kind(pending_[number_bytes]))) {
    broken_ = true;
    return std::nullopt;
  }
  if (pending_.size() < number_bytes + length)
    return std::nullopt;
  frame f{static_cast<frame_kind>(pending_[number_bytes]), pending_.substr(number_bytes + 1, length - 1)};
  pending_.erase(0, number_bytes + length);
  return f;
}

} // namespace troupe::jq
