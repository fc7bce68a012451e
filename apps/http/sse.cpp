#include "apps/http/sse.hpp"

#include "apps/http/number.hpp"

#include <algorithm>
#include <charconv>

namespace troupe::http {

namespace {

// One line of the field for each line of the text; at least one.
void append_lines(std::string& out, std::string_view field, std::string_view text) {
  for (;;) {
    const auto end = text.find_first_of("\r\n");
    out += field;
    out += text.substr(0, end);
    out += '\n';
    if (end == std::string_view::npos)
      return;
    text.remove_prefix(end + (text.substr(end, 2) == "\r\n" ? 2 : 1));
  }
}

} // namespace

void append_event(std::string& out, const sse_event& e) {
  if (e.id) {
    out += "id: ";
    append_number(out, *e.id);
    out += '\n';
  }
  if (e.retry)
    append_retry(out, *e.retry);
  if (!e.name.empty()) {
    out += "event: ";
    std::copy_if(e.name.begin(), e.name.end(), std::back_inserter(out), [](char c) {
      const auto u = static_cast<unsigned char>(c);
      return u >= 0x20 && u != 0x7f;
    });
    out += '\n';
  }
  append_lines(out, "data: ", e.data);
  out += '\n';
}

void append_comment(std::string& out, std::string_view text) {
  append_lines(out, text.empty() ? ":" : ": ", text);
  out += '\n'; // dispatches nothing, and keeps an event that follows apart for those who read by eye
}

void append_retry(std::string& out, std::chrono::milliseconds wait) {
  out += "retry: ";
  append_number(out, std::max<std::int64_t>(wait.count(), 0)); // digits alone, or clients ignore it
  out += '\n';
}

std::uint64_t parse_last_event_id(std::string_view value) noexcept {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), id);
  return error == std::errc{} && end == value.data() + value.size() ? id : 0;
}

} // namespace troupe::http
