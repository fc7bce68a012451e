#include "apps/warmer/event_reader.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace troupe {
namespace {

// Ours have some hundred bytes.
constexpr std::size_t largest_event = std::size_t{1} << 20;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

// A server that asks for a year means something else.
constexpr std::chrono::milliseconds longest_retry{60'000};

} // namespace

result<void> event_reader::feed(std::string_view bytes, const sink& to) {
  while (!bytes.empty()) {
    if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    const auto end = bytes.find_first_of("\r\n");
    line_ += bytes.substr(0, end);
    if (line_.size() + event_.data.size() > largest_event)
      return fail(ec::provider_malformed, "an event of more than a megabyte");
    if (end == std::string_view::npos)
      return ok();
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    take_line(to);
    line_.clear();
  }
  return ok();
}

void event_reader::reconnect() {
  line_.clear();
  after_cr_ = false;
  first_line_ = true;
  event_ = {};
  has_data_ = false;
}

void event_reader::take_line(const sink& to) {
  std::string_view line = line_;
  if (std::exchange(first_line_, false) && line.starts_with(byte_order_mark))
    line.remove_prefix(byte_order_mark.size());
  if (!line.empty()) {
    const auto colon = std::min(line.find(':'), line.size());
    auto value = line.substr(std::min(colon + 1, line.size()));
    if (value.starts_with(' '))
      value.remove_prefix(1);
    return take_field(line.substr(0, colon), value);
  }
  if (!event_.id.empty())
    last_id_ = event_.id;
  auto done = std::exchange(event_, {});
  if (!std::exchange(has_data_, false))
    return; // the standard dispatches no event without data
  done.data.pop_back();
  done.id = last_id_;
  to(done);
}

void event_reader::take_field(std::string_view name, std::string_view value) {
  if (name == "data") {
    event_.data.append(value) += '\n';
    has_data_ = true;
  } else if (name == "event") {
    event_.name = value.empty() ? "message" : value;
  } else if (name == "id") {
    if (value.find('\0') == std::string_view::npos)
      event_.id = value;
  } else if (name == "retry") {
    std::int64_t ms = 0;
    const auto* end = value.data() + value.size();
    if (const auto [stop, error] = std::from_chars(value.data(), end, ms);
        error == std::errc{} && stop == end && ms >= 0)
      retry_ = std::min(std::chrono::milliseconds{ms}, longest_retry);
  }
}

} // namespace troupe
