#include "apps/batches/body.hpp"

#include "apps/config/values.hpp"
#include "apps/json/members.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace troupe {
namespace {

using namespace json_body;
using std::chrono::microseconds;

constexpr std::size_t longest_name = 128;

/// A text member; empty when it is missing.
result<std::string_view> text(const members& in, std::string_view name) {
  const auto found = in.find(name);
  std::string_view out;
  if (found && found->get(out))
    return wrong_kind(in.path + std::string{name}, "a text", *found);
  return out;
}

/// Microseconds that are left, from `timeout` or `deadline`; 0 when neither is there.
result<std::int64_t> time_left(const members& in, const batch_rules& rules, microseconds now) {
  const auto timeout = text(in, "timeout");
  if (!timeout)
    return timeout.as_failure();
  const auto deadline = text(in, "deadline");
  if (!deadline)
    return deadline.as_failure();
  const auto most = config::format(config::duration{rules.max_time});
  if (in.find("timeout") && in.find("deadline"))
    return wrong(in.path + "deadline", "expected either a timeout or a deadline");
  if (in.find("timeout")) {
    config::duration d{};
    if (!config::parse(timeout.value(), d) || d.count() <= 0 || d > rules.max_time)
      return wrong(
        in.path + "timeout", "expected a duration such as 30s, at most " + most + ", got " + quoted(timeout.value()));
    return d.count();
  }
  if (!in.find("deadline"))
    return 0;
  const auto when = parse_time(deadline.value());
  if (!when)
    return wrong(in.path + "deadline", when.error().message);
  if (when.value() <= now)
    return wrong(in.path + "deadline", "expected a time to come, got " + quoted(deadline.value()));
  if (when.value() - now > rules.max_time)
    return wrong(in.path + "deadline", "expected a time within " + most + ", got " + quoted(deadline.value()));
  return (when.value() - now).count();
}

constexpr std::array<std::string_view, 3> priorities{"interactive", "batch", "warming"};

/// The priority's place among `priorities`.
result<std::uint8_t> priority(const members& in, std::uint8_t otherwise) {
  const auto given = in.find("priority");
  if (!given)
    return otherwise;
  std::string_view name;
  const auto* expected = "expected interactive, batch or warming, got ";
  if (given->get(name))
    return wrong(in.path + "priority", expected + kind(*given));
  const auto* const it = std::find(priorities.begin(), priorities.end(), name);
  if (it == priorities.end())
    return wrong(in.path + "priority", expected + quoted(name));
  return static_cast<std::uint8_t>(it - priorities.begin());
}

result<fields> read_params(const members& in, const batch_operation& op) {
  const auto given = in.find("params");
  if (!given && op.required.empty())
    return fields{};
  if (!given)
    return wrong(in.path + "params", "missing; expected an object");
  const auto known = read_members(*given, in.path + "params", op.params);
  if (!known)
    return known.as_failure();
  fields out;
  for (const auto& [name, value] : known.value().all) {
    std::string_view words;
    std::int64_t number = 0;
    if (value.get(words) == simdjson::SUCCESS)
      out.emplace_back(name, words);
    else if (value.get(number) == simdjson::SUCCESS)
      out.emplace_back(name, std::to_string(number));
    else
      return wrong(in.path + "params." + std::string{name}, "expected a text or a whole number, got " + kind(value));
  }
  for (const auto& name : op.required)
    if (std::none_of(out.begin(), out.end(), [&](const auto& p) { return p.first == name; }))
      return wrong(in.path + "params." + name, "missing");
  return out;
}

// The one of that name; null, and the names that there are, if there is none.
template <class T>
std::pair<const T*, std::vector<std::string>> find_named(const std::vector<T>& all, std::string_view name) {
  const auto it = std::find_if(all.begin(), all.end(), [&](const T& each) { return each.name == name; });
  if (it != all.end())
    return {&*it, {}};
  std::vector<std::string> names;
  names.reserve(all.size());
  for (const auto& each : all)
    names.push_back(each.name);
  return {nullptr, std::move(names)};
}

result<batch_task> read_operation(
  const element& e, std::size_t index, const batch_rules& rules, std::uint8_t usual_priority, microseconds now) {
  static const std::vector<std::string> known{"provider", "operation", "params", "timeout", "deadline", "priority"};
  const auto in = read_members(e, "operations[" + std::to_string(index) + "]", known);
  if (!in)
    return in.as_failure();
  const auto& m = in.value();
  const auto provider = text(m, "provider");
  if (!provider)
    return provider.as_failure();
  const auto [asked_of, providers] = find_named(rules.providers, provider.value());
  if (asked_of == nullptr)
    return wrong(
      m.path + "provider", "unknown provider " + quoted(provider.value()) + "; expected " + listed(providers));
  const auto name = text(m, "operation");
  if (!name)
    return name.as_failure();
  const auto [op, operations] = find_named(asked_of->operations, name.value());
  if (op == nullptr)
    return wrong(
      m.path + "operation", "unknown operation " + quoted(name.value()) + "; expected " + listed(operations));
  const auto params = read_params(m, *op);
  if (!params)
    return params.as_failure();
  auto asked = op->parse(params.value());
  if (!asked) {
    const auto& why = asked.error().message; // "limit: expected ...", or what is missing in a few words
    const bool names_it = why.find(": ") != std::string::npos || op->required.empty();
    return fail(ec::bad_request, m.path + "params." + (names_it ? why : op->required.front() + ": " + why));
  }
  const auto left = time_left(m, rules, now);
  if (!left)
    return left.as_failure();
  const auto rank = priority(m, usual_priority);
  if (!rank)
    return rank.as_failure();
  batch_task out;
  out.what = std::move(asked.value().what);
  out.what.route = asked_of->name + '.' + op->name;
  out.what.priority = static_cast<troupe::priority>(rank.value());
  out.remaining_us = left.value();
  return out;
}

result<batch_order> read_batch(const element& body, const batch_rules& rules, microseconds now) {
  static const std::vector<std::string> known{"name", "strict", "timeout", "deadline", "priority", "operations"};
  const auto in = read_members(body, "", known);
  if (!in)
    return in.as_failure();
  const auto& m = in.value();
  batch_order out;
  const auto name = text(m, "name");
  if (!name)
    return name.as_failure();
  if (name.value().size() > longest_name)
    return wrong("name",
      "expected at most " + std::to_string(longest_name) + " bytes, got " + std::to_string(name.value().size()));
  out.name = name.value();
  if (const auto strict = m.find("strict"); strict && strict->get(out.strict))
    return wrong_kind("strict", "true or false", *strict);
  const auto left = time_left(m, rules, now);
  if (!left)
    return left.as_failure();
  out.remaining_us = left.value() > 0 ? left.value() : rules.max_time.count();
  const auto rank = priority(m, 1);
  if (!rank)
    return rank.as_failure();
  const auto operations = m.find("operations");
  if (!operations)
    return wrong("operations", "missing; expected a list");
  simdjson::dom::array list;
  if (operations->get(list))
    return wrong_kind("operations", "a list", *operations);
  const auto count = static_cast<std::size_t>(std::distance(list.begin(), list.end()));
  if (count == 0 || count > rules.max_tasks)
    return wrong("operations", "expected 1 to " + std::to_string(rules.max_tasks) + ", got " + std::to_string(count));
  out.tasks.reserve(count);
  for (const auto& one : list) {
    auto task = read_operation(one, out.tasks.size(), rules, rank.value(), now);
    if (!task)
      return task.as_failure();
    out.tasks.push_back(std::move(task.value()));
  }
  return out;
}

/// Reads exactly `digits` decimal digits at `at`.
std::optional<int> number(std::string_view text, std::size_t at, std::size_t digits) {
  int out = 0;
  if (text.size() < at + digits)
    return std::nullopt;
  for (auto i = at; i < at + digits; ++i) {
    if (text[i] < '0' || text[i] > '9')
      return std::nullopt;
    out = out * 10 + (text[i] - '0');
  }
  return out;
}

/// "Z", "+01:00": minutes east.
std::optional<int> offset(std::string_view text) {
  if (text == "Z" || text == "z")
    return 0;
  const auto hours = number(text, 1, 2);
  const auto minutes = number(text, 4, 2);
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' || !hours || !minutes || *hours > 23
      || *minutes > 59)
    return std::nullopt;
  return (text[0] == '-' ? -1 : 1) * (*hours * 60 + *minutes);
}

} // namespace

result<microseconds> parse_time(std::string_view text) {
  using namespace std::chrono;
  const auto bad = [&] {
    return fail(ec::bad_request, "expected a time such as 2026-11-21T09:30:00Z, got " + quoted(text));
  };
  const auto y = number(text, 0, 4);
  const auto mo = number(text, 5, 2);
  const auto d = number(text, 8, 2);
  const auto h = number(text, 11, 2);
  const auto mi = number(text, 14, 2);
  const auto s = number(text, 17, 2);
  if (!y || !mo || !d || !h || !mi || !s || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't')
      || text[13] != ':' || text[16] != ':' || *h > 23 || *mi > 59 || *s > 60) // 60: a leap second
    return bad();
  const auto date = year{*y} / *mo / *d;
  if (!date.ok())
    return bad();
  auto rest = text.substr(19);
  microseconds fraction{0};
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    auto unit = 100'000;
    const auto before = rest.size();
    for (; !rest.empty() && rest[0] >= '0' && rest[0] <= '9'; rest.remove_prefix(1), unit /= 10)
      fraction += microseconds{unit * (rest[0] - '0')};
    if (rest.size() == before)
      return bad();
  }
  const auto east = offset(rest);
  if (!east)
    return bad();
  return sys_days{date}.time_since_epoch() + hours{*h} + minutes{*mi - *east} + seconds{*s} + fraction;
}

result<batch_order> parse_batch(std::string_view body, const batch_rules& rules, microseconds now_unix) {
  simdjson::dom::parser parser;
  const auto parsed = json_body::parse(parser, body);
  if (!parsed)
    return parsed.as_failure();
  return read_batch(parsed.value(), rules, now_unix);
}

} // namespace troupe
