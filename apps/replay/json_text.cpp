#include "apps/replay/json_text.hpp"

#include "apps/replay/words.hpp"

#include <algorithm>
#include <array>

namespace troupe::replay {

namespace {

/// Which bytes stand for themselves in a JSON string, beyond ASCII too.
constexpr auto plain = [] {
  std::array<bool, 256> out{};
  for (std::size_t byte = 0x20; byte < out.size(); ++byte)
    out.at(byte) = byte != '"' && byte != '\\';
  return out;
}();

void append_escaped(std::string& out, char c) {
  static constexpr char hex[] = "0123456789abcdef";
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
  } else if (c == '\n') {
    out += "\\n";
  } else {
    out += "\\u00";
    out += hex[static_cast<unsigned char>(c) >> 4];
    out += hex[static_cast<unsigned char>(c) & 15];
  }
}

/// Every byte beyond ASCII becomes U+FFFD.
std::string as_utf8(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x80)
      out += c;
    else
      out += "\xEF\xBF\xBD";
  return out;
}

} // namespace

void append_string(std::string& out, std::string_view text) {
  if (!is_utf8(text))
    return append_string(out, as_utf8(text));
  out += '"';
  while (!text.empty()) { // most texts are one run of plain bytes
    const auto* end =
      std::find_if(text.begin(), text.end(), [](char c) { return !plain[static_cast<unsigned char>(c)]; });
    const auto run = static_cast<std::size_t>(end - text.begin());
    out.append(text, 0, run);
    if (run < text.size())
      append_escaped(out, text[run]);
    text.remove_prefix(std::min(run + 1, text.size()));
  }
  out += '"';
}

void append_key(std::string& out, std::string_view name) {
  if (!out.empty() && out.back() != '{' && out.back() != '[' && out.back() != ',')
    out += ',';
  append_string(out, name);
  out += ':';
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  append_key(out, name);
  append_string(out, text);
}

void append_member(std::string& out, std::string_view name, const std::vector<std::string>& texts) {
  append_key(out, name);
  out += '[';
  for (const auto& text : texts) {
    if (&text != &texts.front())
      out += ',';
    append_string(out, text);
  }
  out += ']';
}

void append_member(std::string& out, std::string_view name, long long number) {
  append_key(out, name);
  out += std::to_string(number);
}

void append_json(std::string& out, std::string_view name, std::string_view json) {
  append_key(out, name);
  out += json;
}

} // namespace troupe::replay
