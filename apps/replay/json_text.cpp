#include "apps/replay/json_text.hpp"

#include "apps/replay/words.hpp"

namespace troupe::replay {

void append_string(std::string& out, std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  const bool well_formed = is_utf8(text);
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20) {
      out += "\\u00";
      out += hex[byte >> 4];
      out += hex[byte & 15];
    } else if (byte >= 0x80 && !well_formed) {
      out += "\xEF\xBF\xBD"; // U+FFFD
    } else {
      out += c;
    }
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
