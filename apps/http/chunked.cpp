#include "apps/http/chunked.hpp"

#include "apps/http/hex.hpp"

#include <algorithm>

namespace troupe::http {

namespace {

// Nobody needs extensions or trailers; what does arrive may cost no more than a request's head (the default bound).
constexpr std::size_t max_extras = 16'384;

constexpr refusal bad(std::string_view reason) noexcept {
  return {400, reason};
}

} // namespace

chunked_decoder::step chunked_decoder::feed(std::string_view bytes, std::string& body, std::size_t bound) {
  std::size_t i = 0;
  while (i < bytes.size() && !done_) {
    if (at_ == at::data) {
      auto n = static_cast<std::size_t>(std::min<std::uint64_t>(size_, bytes.size() - i));
      body.append(bytes.substr(i, n));
      i += n;
      size_ -= n;
      if (size_ == 0)
        at_ = at::data_cr;
      continue;
    }
    if (auto why = on_byte(bytes[i++]))
      return {i, false, why};
    if (at_ == at::data && size_ > bound - std::min(bound, body.size()))
      return {i, false, {413, "request body: too large"}};
  }
  return {i, done_, {}};
}

refusal chunked_decoder::on_byte(char c) {
  switch (at_) {
  case at::size:
    return on_size(c);
  case at::extension:
    if (c == '\r') {
      at_ = at::size_lf;
      return {};
    }
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
      return bad("chunk extension: control character");
    if (++extras_ > max_extras)
      return bad("chunk extensions: too long");
    return {};
  case at::size_lf:
    if (c != '\n')
      return bad("chunk size: expected CR LF behind it");
    digits_ = 0;
    at_ = size_ == 0 ? at::trailer : at::data;
    return {};
  case at::data: // fed in bulk
    return {};
  case at::data_cr:
    at_ = at::data_lf;
    return c == '\r' ? refusal{} : bad("chunk: longer than its size says");
  case at::data_lf:
    at_ = at::size;
    return c == '\n' ? refusal{} : bad("chunk: expected CR LF behind it");
  case at::trailer:
    return on_trailer(c);
  }
  return {};
}

refusal chunked_decoder::on_size(char c) {
  if (auto v = hex_value(c); v >= 0) {
    if (++digits_ > 15) // 60 bits: cannot overflow, and leading zeros end too
      return bad("chunk size: too large");
    size_ = size_ * 16 + static_cast<std::uint64_t>(v);
    return {};
  }
  if (digits_ == 0)
    return bad("chunk size: expected hexadecimal digits");
  if (c == '\r')
    at_ = at::size_lf;
  else if (c == ';')
    at_ = at::extension;
  else
    return bad("chunk size: expected hexadecimal digits");
  return {};
}

refusal chunked_decoder::on_trailer(char c) {
  if (++extras_ > max_extras)
    return bad("trailer fields: too long");
  if (c != '\n') {
    line_ += c;
    return {};
  }
  if (line_.empty() || line_.back() != '\r')
    return bad("line end: expected CR LF, got LF alone");
  line_.pop_back();
  if (line_.empty()) {
    done_ = true;
    return {};
  }
  if (auto why = check_field_line(line_))
    return why;
  auto name = std::string_view{line_}.substr(0, line_.find(':'));
  for (auto framing : {"content-length", "transfer-encoding", "host"})
    if (equal_no_case(name, framing))
      return bad("trailer fields: a field that frames or routes a message is not allowed here");
  line_.clear();
  return {};
}

} // namespace troupe::http
