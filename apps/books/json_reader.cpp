#include "apps/books/json_reader.hpp"

#include "apps/books/utf8.hpp"

#include <charconv>

namespace troupe::books {
namespace {

using nlohmann::json;

/// Bytes that stand for themselves in a string; the others end it, escape, are forbidden, or start a sequence.
constexpr auto plain = [] {
  std::array<bool, 256> table{};
  for (std::size_t i = 0x20; i < 0x80; ++i)
    table[i] = i != '"' && i != '\\';
  return table;
}();

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

} // namespace

std::optional<json> json_reader::read() {
  json root;
  skip_space();
  if (!value(&root, 1))
    return std::nullopt;
  skip_space();
  if (at_ != text_.size())
    return std::nullopt;
  return root;
}

void json_reader::skip_space() noexcept {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
    ++at_;
}

bool json_reader::take(char c) noexcept {
  if (at_ >= text_.size() || text_[at_] != c)
    return false;
  ++at_;
  return true;
}

bool json_reader::word(std::string_view literal) {
  if (!text_.substr(at_).starts_with(literal))
    return false;
  at_ += literal.size();
  return true;
}

bool json_reader::value(json* into, int depth) {
  if (at_ >= text_.size())
    return false;
  switch (text_[at_]) {
  case '{':
    return object(into, depth);
  case '[':
    return array(into, depth);
  case '"': {
    std::string buffer;
    std::string_view content;
    if (!string(content, buffer))
      return false;
    if (into)
      *into = content;
    return true;
  }
  case 't':
  case 'f': {
    const bool yes = text_[at_] == 't';
    if (!word(yes ? "true" : "false"))
      return false;
    if (into)
      *into = yes;
    return true;
  }
  case 'n':
    return word("null"); // what `into` is already
  default:
    return number(into);
  }
}

bool json_reader::object(json* into, int depth) {
  if (depth > max_depth) {
    too_deep_ = true;
    return false;
  }
  ++at_;
  json::object_t* members = nullptr;
  if (into) {
    *into = json::object();
    members = into->get_ptr<json::object_t*>();
  }
  skip_space();
  if (take('}'))
    return true;
  std::string buffer;
  for (;;) {
    std::string_view key;
    if (at_ >= text_.size() || text_[at_] != '"' || !string(key, buffer))
      return false;
    json* place = nullptr;
    if (members && wanted_(key, depth)) {
      place = &(*members)[std::string{key}];
      *place = nullptr; // it may be the second of this name
    }
    skip_space();
    if (!take(':'))
      return false;
    skip_space();
    if (!value(place, depth + 1))
      return false;
    skip_space();
    if (take('}'))
      return true;
    if (!take(','))
      return false;
    skip_space();
  }
}

bool json_reader::array(json* into, int depth) {
  if (depth > max_depth) {
    too_deep_ = true;
    return false;
  }
  ++at_;
  json::array_t* elements = nullptr;
  if (into) {
    *into = json::array();
    elements = into->get_ptr<json::array_t*>();
    elements->reserve(8); // a few names or ISBNs, most often
  }
  skip_space();
  if (take(']'))
    return true;
  for (;;) {
    // an element's place is stable while it is read: only its own content grows
    if (!value(elements ? &elements->emplace_back() : nullptr, depth + 1))
      return false;
    skip_space();
    if (take(']'))
      return true;
    if (!take(','))
      return false;
    skip_space();
  }
}

bool json_reader::number(json* into) {
  const auto start = at_;
  take('-');
  if (at_ >= text_.size() || !is_digit(text_[at_]))
    return false;
  auto digits = [this] {
    const auto from = at_;
    while (at_ < text_.size() && is_digit(text_[at_]))
      ++at_;
    return at_ > from;
  };
  if (!take('0')) // no leading zeros
    digits();
  bool whole = true;
  if (take('.')) {
    whole = false;
    if (!digits())
      return false;
  }
  if (take('e') || take('E')) {
    whole = false;
    if (!take('+'))
      take('-');
    if (!digits())
      return false;
  }
  if (!into)
    return true;
  const auto* first = text_.data() + start;
  const auto* last = text_.data() + at_;
  std::int64_t negative = 0;
  std::uint64_t positive = 0;
  double real = 0;
  if (whole && *first == '-' && std::from_chars(first, last, negative).ec == std::errc{})
    *into = negative;
  else if (whole && *first != '-' && std::from_chars(first, last, positive).ec == std::errc{})
    *into = positive;
  else if (std::from_chars(first, last, real).ec == std::errc{})
    *into = real;
  else
    *into = 0u;
  return true;
}

bool json_reader::string(std::string_view& out, std::string& buffer) {
  ++at_;
  const auto start = at_;
  auto copied = start; // what lies before it is in the buffer, once there is an escape
  bool escaped = false;
  for (;;) {
    while (at_ < text_.size() && plain[static_cast<unsigned char>(text_[at_])])
      ++at_;
    if (at_ >= text_.size())
      return false;
    const char c = text_[at_];
    if (c == '"') {
      if (escaped) {
        buffer.append(text_, copied, at_ - copied);
        out = buffer;
      } else {
        out = text_.substr(start, at_ - start);
      }
      ++at_;
      return true;
    }
    if (c == '\\') {
      if (!escaped)
        buffer.clear();
      escaped = true;
      buffer.append(text_, copied, at_ - copied);
      ++at_;
      if (!escape(buffer))
        return false;
      copied = at_;
    } else if (static_cast<unsigned char>(c) < 0x20 || utf8::next(text_, at_) == utf8::ill_formed) {
      return false;
    }
  }
}

bool json_reader::escape(std::string& buffer) {
  if (at_ >= text_.size())
    return false;
  switch (const char c = text_[at_++]) {
  case '"':
  case '\\':
  case '/':
    buffer.push_back(c);
    return true;
  case 'b':
    buffer.push_back('\b');
    return true;
  case 'f':
    buffer.push_back('\f');
    return true;
  case 'n':
    buffer.push_back('\n');
    return true;
  case 'r':
    buffer.push_back('\r');
    return true;
  case 't':
    buffer.push_back('\t');
    return true;
  case 'u': {
    char32_t point = 0;
    if (!hex4(point) || (point >= 0xDC00 && point <= 0xDFFF))
      return false;
    if (point >= 0xD800 && point <= 0xDBFF) { // the first half of a pair
      char32_t low = 0;
      if (!take('\\') || !take('u') || !hex4(low) || low < 0xDC00 || low > 0xDFFF)
        return false;
      point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    }
    utf8::append(buffer, point);
    return true;
  }
  default:
    return false;
  }
}

bool json_reader::hex4(char32_t& out) {
  if (text_.size() - at_ < 4)
    return false;
  std::uint32_t value = 0;
  const auto* first = text_.data() + at_;
  const auto [end, error] = std::from_chars(first, first + 4, value, 16);
  if (error != std::errc{} || end != first + 4)
    return false;
  at_ += 4;
  out = value;
  return true;
}

} // namespace troupe::books
