#include "apps/replay/faults.hpp"

#include "apps/replay/call.hpp"
#include "apps/replay/json_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

namespace troupe::replay {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 8> kind_names{
  "status", "latency", "hang", "reset", "truncate", "malformed", "html", "rate_limited"};

/// A minute is beyond every time-out of a sane client; what shall last longer is a hang.
constexpr std::int64_t max_delay_ms = 60'000;
/// A day: the longest that a quota tells a client to stay away.
constexpr int max_retry_after_s = 86'400;
/// The 99th percentile of the standard normal distribution.
constexpr double z99 = 2.3263478740408408;

auto wrong(std::string_view field, std::string_view expected, const std::string& got) {
  return fail(ec::bad_request, std::string{field} + ": expected " + std::string{expected} + ", got " + got);
}

template <class Names>
std::string one_of(const Names& names) {
  std::string out = "one of ";
  for (const auto& name : names) {
    if (&name != &*std::begin(names))
      out += ", ";
    out += name;
  }
  return out;
}

/// A value for an error message: as sent, but not at any length.
std::string shown(const json& value) {
  auto text = value.dump(-1, ' ', true, json::error_handler_t::replace); // ASCII, so that it may be cut anywhere
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

result<std::int64_t> milliseconds(std::string_view field, const json& value) {
  if (!value.is_number_integer() || value < 0 || value > max_delay_ms)
    return wrong(field, "whole milliseconds from 0 to 60000", shown(value));
  return value.get<std::int64_t>();
}

/// 80, [20,200] or {"p50":20,"p99":200}.
result<delay> parse_delay(const json& value) {
  const auto pair = [](delay::shape form, std::string_view low_name, const json& low, std::string_view high_name,
                      const json& high) -> result<delay> {
    auto least = milliseconds(low_name, low);
    auto most = milliseconds(high_name, high);
    if (!least)
      return least.error();
    if (!most)
      return most.error();
    if (most.value() < least.value())
      return wrong(high_name, "no less than " + std::string{low_name}, shown(high));
    return delay{form, least.value(), most.value()};
  };
  if (value.is_array() && value.size() == 2)
    return pair(delay::shape::uniform, "latency_ms[0]", value[0], "latency_ms[1]", value[1]);
  if (value.is_object() && value.size() == 2 && value.contains("p50") && value.contains("p99"))
    return pair(delay::shape::log_normal, "latency_ms.p50", value["p50"], "latency_ms.p99", value["p99"]);
  if (value.is_array() || value.is_object())
    return wrong("latency_ms", R"(a number, [least, most], or {"p50":..,"p99":..})", shown(value));
  return pair(delay::shape::uniform, "latency_ms", value, "latency_ms", value);
}

result<void> read_member(const std::string& name, const json& value, fault& out) {
  if (name == "provider") {
    const auto text = value.is_string() ? value.get<std::string>() : std::string{};
    if (std::find(provider_names.begin(), provider_names.end(), text) == provider_names.end())
      return wrong(name, one_of(provider_names), shown(value));
    out.provider = text;
  } else if (name == "path") {
    if (!value.is_string() || !value.get_ref<const std::string&>().starts_with('/'))
      return wrong(name, "the beginning of a path, from '/'", shown(value));
    out.path = value.get<std::string>();
  } else if (name == "fault") {
    const auto text = value.is_string() ? value.get<std::string>() : std::string{};
    const auto* at = std::find(kind_names.begin(), kind_names.end(), text);
    if (at == kind_names.end())
      return wrong(name, one_of(kind_names), shown(value));
    out.kind = static_cast<fault_kind>(at - kind_names.begin());
  } else if (name == "status") {
    if (!value.is_number_integer() || value < 200 || value > 599 || value == 204 || value == 205 || value == 304)
      return wrong(name, "a status with a body, from 200 to 599", shown(value));
    out.status = value.get<int>();
  } else if (name == "latency_ms") {
    auto latency = parse_delay(value);
    if (!latency)
      return latency.error();
    out.latency = latency.value();
  } else if (name == "ratio") {
    if (!value.is_number() || value < 0 || value > 1)
      return wrong(name, "a number from 0 to 1", shown(value));
    out.ratio_ppm = static_cast<std::uint32_t>(std::lround(value.get<double>() * 1e6));
  } else if (name == "retry_after_s") {
    if (!value.is_number_integer() || value < 0 || value > max_retry_after_s)
      return wrong(name, "whole seconds from 0 to 86400", shown(value));
    out.retry_after_s = value.get<int>();
  } else {
    return fail(ec::bad_request,
      name.substr(0, 60) + ": unknown, expected "
        + one_of(std::array{"provider", "path", "fault", "status", "latency_ms", "ratio", "retry_after_s"}));
  }
  return ok();
}

std::uint64_t mixed(std::uint64_t x) noexcept { // the finaliser of splitmix64
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// Number `n` of a stream, evenly spread over [0, 1).
double draw(std::uint64_t seed, std::uint64_t stream, std::uint64_t n) noexcept {
  const auto bits = mixed(mixed(seed + stream) + (n + 1) * 0x9e3779b97f4a7c15ULL);
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

std::uint64_t stream_of(const fault& f) noexcept {
  std::uint64_t x = 0xcbf29ce484222325ULL; // FNV-1a
  auto add = [&x](char c) { x = (x ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL; };
  for (const char c : f.provider)
    add(c);
  add('\n'); // is in neither a name nor a path
  for (const char c : f.path)
    add(c);
  add('\n');
  add(static_cast<char>(f.kind));
  return x;
}

/// A delay from two draws.
std::int64_t sample(const delay& d, double first, double second) noexcept {
  if (d.form == delay::shape::uniform)
    return d.low_ms + static_cast<std::int64_t>(first * static_cast<double>(d.high_ms - d.low_ms + 1));
  if (d.form == delay::shape::none || d.low_ms == 0)
    return 0; // a log-normal distribution with median 0 is 0
  const double sigma = std::log(static_cast<double>(d.high_ms) / static_cast<double>(d.low_ms)) / z99;
  // Box-Muller; 1 - first is never 0
  const double normal = std::sqrt(-2 * std::log(1 - first)) * std::cos(2 * std::numbers::pi * second);
  const double ms = static_cast<double>(d.low_ms) * std::exp(sigma * normal);
  return static_cast<std::int64_t>(std::min(ms, static_cast<double>(max_delay_ms)));
}

void append_delay(std::string& out, const delay& d) {
  if (d.form == delay::shape::none)
    return;
  append_key(out, "latency_ms");
  const auto low = std::to_string(d.low_ms);
  const auto high = std::to_string(d.high_ms);
  if (d.form == delay::shape::log_normal)
    out += R"({"p50":)" + low + R"(,"p99":)" + high + "}";
  else if (d.low_ms == d.high_ms)
    out += low;
  else
    out += "[" + low + "," + high + "]";
}

} // namespace

std::string_view to_string(fault_kind kind) noexcept {
  return kind_names[static_cast<std::size_t>(kind)];
}

result<fault> parse_fault(std::string_view text) {
  const auto object = json::parse(text, nullptr, false);
  if (!object.is_object())
    return fail(ec::bad_request,
      std::string{"body: expected a JSON object, got "} + (object.is_discarded() ? "broken JSON" : object.type_name()));
  fault out;
  for (const auto& [name, value] : object.items())
    if (auto done = read_member(name, value, out); !done)
      return done.error();
  if (!object.contains("fault"))
    return wrong("fault", one_of(kind_names), "nothing");
  if (out.provider.empty() && out.path.empty())
    return wrong("provider", one_of(provider_names) + ", or a path instead", "nothing");
  if (out.kind == fault_kind::latency && out.latency.form == delay::shape::none)
    return wrong("latency_ms", "a delay, which the fault latency needs", "nothing");
  if (out.kind == fault_kind::status && out.status == 0)
    out.status = 503;
  if (out.kind == fault_kind::html && out.status == 0)
    out.status = 200;
  if (out.kind == fault_kind::rate_limited && !out.retry_after_s)
    out.retry_after_s = 1; // long enough to be seen, short enough to play with
  return out;
}

std::string to_json(const fault& f) {
  std::string out = "{";
  if (!f.provider.empty())
    append_member(out, "provider", f.provider);
  if (!f.path.empty())
    append_member(out, "path", f.path);
  append_member(out, "fault", to_string(f.kind));
  if (f.kind == fault_kind::status || f.kind == fault_kind::html)
    append_member(out, "status", static_cast<long long>(f.status));
  append_delay(out, f.latency);
  append_json(out, "ratio", json(f.ratio_ppm / 1e6).dump());
  if (f.retry_after_s)
    append_member(out, "retry_after_s", static_cast<long long>(*f.retry_after_s));
  return out + '}';
}

void fault_table::set(fault f) {
  const auto stream = stream_of(f);
  for (auto& each : entries_)
    if (each.what.provider == f.provider && each.what.path == f.path && each.what.kind == f.kind) {
      each = {std::move(f), stream, 0};
      return;
    }
  entries_.push_back({std::move(f), stream, 0});
}

verdict fault_table::judge(std::string_view provider, std::string_view path) {
  verdict out;
  for (auto& [what, stream, calls] : entries_) {
    if ((!what.provider.empty() && what.provider != provider) || !path.starts_with(what.path))
      continue;
    const auto n = 3 * calls++; // three draws a call: whether, and two for how late
    if (draw(seed_, stream, n) * 1e6 >= what.ratio_ppm)
      continue;
    const bool breaks = what.kind != fault_kind::latency;
    if (breaks && out.broken)
      continue; // another fault has this call
    out.delay_ms += sample(what.latency, draw(seed_, stream, n + 1), draw(seed_, stream, n + 2));
    if (breaks)
      out.broken = what;
    else
      out.delayed = true;
  }
  return out;
}

std::string fault_table::to_json() const {
  std::string out = R"({"faults":[)";
  for (const auto& each : entries_) {
    if (&each != &entries_.front())
      out += ',';
    out += replay::to_json(each.what);
  }
  return out + "]}";
}

} // namespace troupe::replay
