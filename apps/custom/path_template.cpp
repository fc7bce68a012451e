#include "apps/custom/path_template.hpp"

#include <algorithm>

namespace troupe::custom {
namespace {

bool is_letter(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// What may stand in a request's target as it is, but for what templates use themselves.
bool is_literal(char c) {
  constexpr std::string_view never = "\"<>\\^`|#{}";
  return c > ' ' && c < '\x7f' && never.find(c) == std::string_view::npos;
}

auto wrong(std::size_t at, const std::string& expected) {
  return fail(ec::config_invalid, "expected " + expected + " at column " + std::to_string(at + 1));
}

} // namespace

bool is_name(std::string_view text) noexcept {
  constexpr std::size_t longest = 40; // it stands in every tag, metric and key
  return !text.empty() && text.size() <= longest && is_letter(text.front())
         && std::all_of(text.begin(), text.end(), [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

void append_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_letter(c) || is_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' || c == '~')
      out.push_back(c);
    else
      out.append({'%', hex[byte >> 4U], hex[byte & 15U]});
  }
}

result<path_template> path_template::parse(std::string_view text) {
  if (!text.starts_with('/'))
    return wrong(0, "/");
  path_template out;
  bool in_path = true;
  for (std::size_t at = 0; at < text.size();) {
    const auto rest = text.substr(at);
    if (rest.starts_with(secret_reference)) {
      out.pieces_.push_back({{}, {}, true, in_path});
      at += secret_reference.size();
    } else if (rest.starts_with("${")) {
      return wrong(at, std::string{secret_reference});
    } else if (rest.front() == '{') {
      const auto end = rest.find('}');
      if (end == std::string_view::npos)
        return wrong(at, "} behind this {");
      const auto name = rest.substr(1, end - 1);
      if (!is_name(name))
        return wrong(at + 1, "a name of small letters, digits and _");
      out.pieces_.push_back({{}, std::string{name}, false, in_path});
      at += end + 1;
    } else if (is_literal(rest.front())) {
      in_path = in_path && rest.front() != '?';
      if (out.pieces_.empty() || out.pieces_.back().literal.empty())
        out.pieces_.push_back({{}, {}, false, in_path});
      out.pieces_.back().literal.push_back(rest.front());
      ++at;
    } else {
      return wrong(at, "a character that may stand in a URL, or its escape such as %20,");
    }
  }
  return out;
}

std::vector<path_template::use> path_template::uses() const {
  std::vector<use> out;
  for (const auto& p : pieces_)
    if (!p.name.empty())
      out.push_back({p.name, p.in_path});
  return out;
}

bool path_template::uses_secret() const noexcept {
  return std::any_of(pieces_.begin(), pieces_.end(), [](const piece& p) { return p.secret; });
}

std::string path_template::expand(const fields& params, std::string_view secret) const {
  std::string out;
  for (const auto& p : pieces_) {
    if (p.secret) {
      append_encoded(out, secret);
    } else if (p.name.empty()) {
      out += p.literal;
    } else {
      const auto it =
        std::find_if(params.begin(), params.end(), [&](const auto& pair) { return pair.first == p.name; });
      if (it != params.end())
        append_encoded(out, it->second);
    }
  }
  return out;
}

std::string expand_header(std::string_view value, std::string_view secret) {
  std::string out;
  for (;;) {
    const auto at = value.find(secret_reference);
    out += value.substr(0, at);
    if (at == std::string_view::npos)
      return out;
    out += secret;
    value.remove_prefix(at + secret_reference.size());
  }
}

} // namespace troupe::custom
