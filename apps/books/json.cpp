#include "apps/books/json.hpp"

#include "apps/books/utf8.hpp"

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

namespace troupe::books {
namespace {

using nlohmann::json;

/// 0: copied as it is; otherwise the letter behind the backslash, or 'u' for \u00XX, or 1 for a byte above 0x7F.
constexpr auto escapes = [] {
  std::array<char, 256> table{};
  for (std::size_t i = 0; i < 0x20; ++i)
    table[i] = 'u';
  for (std::size_t i = 0x80; i < 256; ++i)
    table[i] = 1;
  table['\b'] = 'b';
  table['\f'] = 'f';
  table['\n'] = 'n';
  table['\r'] = 'r';
  table['\t'] = 't';
  table['"'] = '"';
  table['\\'] = '\\';
  return table;
}();

void append_name(std::string& out, std::string_view name) {
  if (out.back() != '{')
    out.push_back(',');
  out.push_back('"');
  out += name;
  out += "\":";
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty())
    return;
  append_name(out, name);
  append_json(out, value);
}

void append_member(std::string& out, std::string_view name, int value) {
  if (value == 0)
    return;
  append_name(out, name);
  std::array<char, 16> digits{};
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

void append_member(std::string& out, std::string_view name, const std::vector<std::string>& list) {
  if (list.empty())
    return;
  append_name(out, name);
  char separator = '[';
  for (const auto& text : list) {
    out.push_back(separator);
    append_json(out, text);
    separator = ',';
  }
  out.push_back(']');
}

/// Reads members one by one and remembers the first that is not what it must be.
class reader {
public:
  explicit reader(const json& from) : from_{from} {}

  void operator()(std::string_view name, std::string& to) {
    if (const auto* value = member(name, json::value_t::string, "a string"))
      to = value->get_ref<const std::string&>();
  }

  void operator()(std::string_view name, int& to) {
    if (const auto* value = member(name, json::value_t::number_unsigned, "a number from 0"))
      to = static_cast<int>(std::min<std::uint64_t>(value->get<std::uint64_t>(), std::numeric_limits<int>::max()));
  }

  void operator()(std::string_view name, std::vector<std::string>& to) {
    if (const auto* value = member(name, json::value_t::array, "an array"))
      for (const auto& element : *value)
        if (expect(name, element, json::value_t::string, "strings"))
          to.push_back(element.get_ref<const std::string&>());
  }

  /// An object of strings: calls put(key, text) for each.
  template <class Put>
  void map(std::string_view name, Put put) {
    if (const auto* value = member(name, json::value_t::object, "an object"))
      for (const auto& [key, element] : value->items())
        if (expect(name, element, json::value_t::string, "strings"))
          put(key, element.template get_ref<const std::string&>());
  }

  /// Empty when all was well.
  [[nodiscard]] const std::string& wrong() const noexcept { return wrong_; }

private:
  const json* member(std::string_view name, json::value_t type, std::string_view expected) {
    const auto it = from_.find(name);
    return it != from_.end() && expect(name, *it, type, expected) ? &*it : nullptr;
  }

  bool expect(std::string_view name, const json& value, json::value_t type, std::string_view expected) {
    if (value.type() == type)
      return true;
    if (wrong_.empty())
      wrong_ = std::string{name} + ": expected " + std::string{expected} + ", got " + value.type_name();
    return false;
  }

  const json& from_;
  std::string wrong_;
};

} // namespace

void append_json(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  out.push_back('"');
  std::size_t plain = 0; // what lies between `plain` and `at` is copied as it is, in one go
  for (std::size_t at = 0; at < text.size();) {
    const char escape = escapes[static_cast<unsigned char>(text[at])];
    if (escape == 0) {
      ++at;
      continue;
    }
    const std::size_t from = at;
    if (escape == 1) {
      if (utf8::next(text, at) != utf8::ill_formed)
        continue;
      out.append(text, plain, from - plain);
      out += "\xEF\xBF\xBD";
    } else {
      out.append(text, plain, from - plain);
      out.push_back('\\');
      out.push_back(escape);
      if (escape == 'u') {
        const auto c = static_cast<unsigned char>(text[at]);
        out += "00";
        out.push_back(hex[c >> 4]);
        out.push_back(hex[c & 15]);
      }
      ++at;
    }
    plain = at;
  }
  out.append(text, plain, text.size() - plain);
  out.push_back('"');
}

void append_json(std::string& out, const book& b) {
  out.push_back('{');
  append_member(out, "title", b.title);
  append_member(out, "subtitle", b.subtitle);
  append_member(out, "authors", b.authors);
  append_member(out, "isbn13", b.isbn13);
  append_member(out, "isbn10", b.isbn10);
  append_member(out, "publisher", b.publisher);
  append_member(out, "published_date", b.published_date);
  append_member(out, "published_year", b.published_year);
  append_member(out, "page_count", b.page_count);
  append_member(out, "language", b.language);
  append_member(out, "categories", b.categories);
  append_member(out, "description", b.description);
  append_member(out, "cover_url", b.cover_url);
  if (!b.ids.empty()) {
    append_name(out, "ids");
    out.push_back('{');
    for (const auto& [provider, id] : b.ids)
      append_member(out, provider, id);
    out.push_back('}');
  }
  append_name(out, "provenance");
  out.push_back('{');
  for (std::size_t i = 0; i < field_count; ++i)
    append_member(out, field_names[i], b.provenance[i]);
  out += "}}";
}

std::string to_json(const book& b) {
  std::string out;
  out.reserve(1024 + b.description.size());
  append_json(out, b);
  return out;
}

std::string to_json(std::span<const book> list) {
  std::size_t size = 2;
  for (const auto& b : list)
    size += 1024 + b.description.size(); // all but the description of a book seldom exceeds 1 kB
  std::string out;
  out.reserve(size);
  out.push_back('[');
  for (const auto& b : list) {
    if (out.size() > 1)
      out.push_back(',');
    append_json(out, b);
  }
  out.push_back(']');
  return out;
}

result<book> book_from_json(std::string_view text) {
  const auto from = json::parse(text, nullptr, false);
  if (!from.is_object())
    return fail(ec::storage_failed, "book: expected a JSON object");
  book b;
  reader read{from};
  read("title", b.title);
  read("subtitle", b.subtitle);
  read("authors", b.authors);
  read("isbn13", b.isbn13);
  read("isbn10", b.isbn10);
  read("publisher", b.publisher);
  read("published_date", b.published_date);
  read("published_year", b.published_year);
  read("page_count", b.page_count);
  read("language", b.language);
  read("categories", b.categories);
  read("description", b.description);
  read("cover_url", b.cover_url);
  read.map("ids", [&](const std::string& provider, const std::string& id) { b.set_id(provider, id); });
  read.map("provenance", [&](const std::string& name, const std::string& provider) {
    for (std::size_t i = 0; i < field_count; ++i)
      if (field_names[i] == name)
        b.provenance[i] = provider;
  });
  if (!read.wrong().empty())
    return fail(ec::storage_failed, "book: " + read.wrong());
  if (b.title.empty())
    return fail(ec::storage_failed, "book: title: expected one, got none");
  return b;
}

} // namespace troupe::books
