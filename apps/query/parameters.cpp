#include "apps/query/parameters.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace troupe {

const std::string* find_parameter(const fields& parameters, std::string_view name) noexcept {
  const auto it =
    std::find_if(parameters.begin(), parameters.end(), [&](const auto& pair) { return pair.first == name; });
  return it == parameters.end() ? nullptr : &it->second;
}

std::string_view parameter_of(const fields& parameters, std::string_view name) noexcept {
  const auto* found = find_parameter(parameters, name);
  return found == nullptr ? std::string_view{} : std::string_view{*found};
}

result<std::int64_t> whole_number(
  const fields& parameters, std::string_view name, std::int64_t otherwise, std::int64_t lowest, std::int64_t highest) {
  const auto* text = find_parameter(parameters, name);
  if (text == nullptr)
    return otherwise;
  std::int64_t n = 0;
  const auto* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, n);
  if (error != std::errc{} || stop != end || n < lowest || n > highest)
    return fail(ec::bad_request,
      fmt::format("{}: expected a whole number from {} to {}, got \"{}\"", name, lowest, highest, cut_short(*text)));
  return n;
}

result<bool> parse_flag(const fields& parameters, std::string_view name, bool otherwise) {
  const auto* text = find_parameter(parameters, name);
  if (text == nullptr)
    return otherwise;
  if (*text != "true" && *text != "false")
    return fail(ec::bad_request, fmt::format("{}: expected true or false, got \"{}\"", name, cut_short(*text)));
  return *text == "true";
}

std::string_view cut_short(std::string_view text) noexcept {
  constexpr std::size_t enough = 60;
  return text.substr(0, enough);
}

} // namespace troupe
