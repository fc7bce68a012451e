#include "apps/replay/call_log.hpp"

#include "apps/replay/json_text.hpp"

#include <algorithm>

namespace troupe::replay {

void call_log::add(std::int64_t since_start_us, std::int64_t epoch_ms, std::string_view provider,
  std::string_view method, std::string_view target, std::string_view fault) {
  const auto at = static_cast<std::size_t>(
    std::find(provider_names.begin(), provider_names.end(), provider) - provider_names.begin());
  ++counts_[at];
  if (ring_.size() < capacity)
    ring_.emplace_back();
  auto& seen = ring_[next_];
  next_ = (next_ + 1) % capacity;
  seen.since_start_us = since_start_us;
  seen.epoch_ms = epoch_ms;
  seen.provider = at < provider_names.size() ? provider_names[at] : "other";
  seen.method = method;
  seen.target = target.substr(0, max_target); // keeps the string's memory
  seen.fault = fault;
}

void call_log::clear() {
  counts_.fill(0);
  ring_.clear();
  next_ = 0;
}

std::string call_log::to_json() const {
  std::string out = R"({"calls":{)";
  for (std::size_t i = 0; i < counts_.size(); ++i)
    append_member(out, i < provider_names.size() ? provider_names[i] : "other", static_cast<long long>(counts_[i]));
  out += R"(},"log":[)";
  const auto oldest = ring_.size() < capacity ? 0 : next_;
  for (std::size_t i = 0; i < ring_.size(); ++i) {
    const auto& seen = ring_[(oldest + i) % ring_.size()];
    out += i == 0 ? "{" : ",{";
    // microseconds as decimals: a limiter's 25 ms spacing can be checked from these
    const auto fraction = std::to_string(1'000 + seen.since_start_us % 1'000).substr(1);
    append_json(out, "t_ms", std::to_string(seen.since_start_us / 1'000) + "." + fraction);
    append_member(out, "epoch_ms", static_cast<long long>(seen.epoch_ms));
    append_member(out, "provider", seen.provider);
    append_member(out, "method", seen.method);
    append_member(out, "target", seen.target);
    if (seen.fault.empty())
      append_json(out, "fault", "null");
    else
      append_member(out, "fault", seen.fault);
    out += '}';
  }
  return out + "]}";
}

} // namespace troupe::replay
