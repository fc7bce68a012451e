#include "apps/books/body.hpp"

#include "apps/books/text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace troupe::books {
namespace {

using simdjson::dom::element_type;

/// Larger bodies are rare, and a parser keeps some 15 times the size of the largest that it has read.
constexpr std::size_t most_kept = std::size_t{512} * 1024;

simdjson::dom::parser bounded_parser() {
  simdjson::dom::parser parser;
  // The depth stays when the capacity grows. Without memory, the first parse says so.
  [[maybe_unused]] const auto error = parser.allocate(simdjson::dom::MINIMAL_DOCUMENT_CAPACITY, max_json_depth);
  return parser;
}

/// A provider's own words in a message of ours: enough to recognise the fault, no more.
constexpr std::size_t max_words = 200;

std::string_view without_mark(std::string_view body) noexcept {
  return body.starts_with("\xEF\xBB\xBF") ? body.substr(3) : body;
}

bool contains(std::string_view text, std::string_view word) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a | 0x20) : a) == b; };
  return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

bool speaks_of_limits(std::string_view text) {
  return contains(text, "limitexceeded") || contains(text, "rate limit") || contains(text, "quota")
         || contains(text, "resource_exhausted") || contains(text, "too many requests")
         || contains(text, "automated queries") || contains(text, "unusual traffic");
}

/// What a provider says of a failure, from any of the shapes that they use.
struct complaint {
  std::string words;
  std::int64_t status = 0;
  bool limit = false;
};

complaint read_complaint(const json_value& body) {
  complaint c;
  const auto error = find(body, "error");
  const auto from = error && error->is_object() ? *error : body;
  for (const auto* key : {"message", "error_message", "error", "reason"})
    if (const auto words = find(from, key); words && words->is_string() && c.words.empty())
      c.words = text_of(words);
  for (const auto* key : {"code", "status"})
    if (c.status == 0)
      c.status = number_of(find(from, key));
  c.limit = speaks_of_limits(c.words) || speaks_of_limits(text_of(find(from, "status")));
  if (const auto errors = find(from, "errors"); errors && errors->is_array())
    each(errors, [&](const json_value& one) {
      c.limit = c.limit || speaks_of_limits(text_of(find(one, "reason")));
      return !c.limit;
    });
  return c;
}

result<verdict> judge(std::string_view provider, std::int64_t status, const complaint& c) {
  if (status == 404)
    return verdict::nothing;
  auto words = c.words;
  if (words.size() > max_words) {
    auto end = max_words;
    while ((static_cast<unsigned char>(words[end]) & 0xC0) == 0x80) // not within a character
      --end;
    words.resize(end);
  }
  auto message = std::string{provider} + ": status " + std::to_string(status);
  if (!words.empty())
    message += ": " + words;
  if (status >= 500)
    return fail(ec::provider_failed, std::move(message));
  if (status == 429 || (status == 403 && c.limit))
    return fail(ec::provider_limited, std::move(message));
  return fail(ec::provider_refused, std::move(message));
}

} // namespace

result<json_value> parse_body(std::string_view provider, std::string_view body) {
  body = without_mark(body);
  const auto first = body.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos)
    return malformed(provider, "body: expected JSON, got nothing");
  if (body[first] == '<')
    return malformed(provider, "body: expected JSON, got HTML or XML");
  // It holds the document and, as simdjson reads beyond a text's end, a padded copy of the text.
  thread_local auto parser = bounded_parser();
  if (parser.capacity() > most_kept && body.size() <= most_kept)
    parser = bounded_parser();
  const auto parsed = parser.parse(body.data(), body.size(), true);
  if (parsed.error())
    return malformed(provider, "body: broken JSON: " + std::string{simdjson::error_message(parsed.error())});
  return parsed.value_unsafe();
}

result<verdict> judge_status(std::string_view provider, const http_response& answer) {
  if (answer.code != ec::none)
    return fail(answer.code, std::string{provider} + ": " + answer.detail);
  if (answer.status >= 200 && answer.status < 300)
    return verdict::read;
  complaint c;
  if (auto body = parse_body(provider, answer.body.view()))
    c = read_complaint(body.value());
  else
    c.limit = speaks_of_limits(answer.body.view().substr(0, 4096)); // an HTML page
  return judge(provider, answer.status, c);
}

result<verdict> judge_complaint(std::string_view provider, const json_value& body) {
  const auto error = find(body, "error");
  const auto message = find(body, "message");
  if (!error && !(message && message->is_string()))
    return verdict::read;
  auto c = read_complaint(body);
  if (c.words == "notfound") // Open Library's word for it
    return verdict::nothing;
  if (c.status < 400 || c.status > 599)
    c.status = c.limit ? 429 : 500;
  return judge(provider, c.status, c);
}

std::string type_name(const json_value& value) {
  switch (value.type()) {
  case element_type::OBJECT:
    return "object";
  case element_type::ARRAY:
    return "array";
  case element_type::STRING:
    return "string";
  case element_type::BOOL:
    return "boolean";
  case element_type::NULL_VALUE:
    return "null";
  default:
    return "number";
  }
}

json_member find(const json_member& object, std::string_view key) {
  json_member found;
  simdjson::dom::object members;
  if (!object || object->get(members))
    return found;
  const auto end = members.end();
  for (auto member = members.begin(); member != end; ++member)
    if (member.key_equals(key))
      found = member.value();
  return found;
}

json_value text_in(const json_value& value) {
  auto v = value;
  // an array of objects of strings is the deepest that occurs
  for (int depth = 0; depth < 3; ++depth) {
    json_member inner;
    simdjson::dom::array list;
    if (v.is_object()) {
      for (const auto* key : {"value", "name", "key"})
        if (!inner)
          inner = find(v, key);
    } else if (!v.get(list) && list.begin() != list.end()) {
      inner = *list.begin();
    }
    if (!inner)
      break;
    v = *inner;
  }
  return v;
}

std::string digits_of(const json_value& value) {
  switch (value.type()) {
  case element_type::INT64:
    return std::to_string(value.get_int64().value_unsafe());
  case element_type::UINT64:
    return std::to_string(value.get_uint64().value_unsafe());
  case element_type::DOUBLE:
    if (const auto number = number_of(value); number != 0)
      return std::to_string(number);
    return {};
  default:
    return {};
  }
}

std::string text_of(const json_member& value) {
  return with_text(value, tidy);
}

std::vector<std::string> texts_of(const json_member& value, std::size_t most) {
  std::vector<std::string> list;
  each(value, [&](const json_value& one) {
    auto text = text_of(one);
    if (!text.empty() && std::find(list.begin(), list.end(), text) == list.end())
      list.push_back(std::move(text));
    return list.size() < most;
  });
  return list;
}

std::int64_t number_of(const json_member& value) {
  if (!value)
    return 0;
  switch (value->type()) {
  case element_type::INT64:
    return std::max<std::int64_t>(value->get_int64().value_unsafe(), 0);
  case element_type::UINT64: // only what an INT64 does not hold
    return INT64_MAX;
  case element_type::DOUBLE: {
    const auto number = value->get_double().value_unsafe();
    return number >= 0 && number < 1e15 && std::floor(number) == number ? static_cast<std::int64_t>(number) : 0;
  }
  case element_type::STRING: {
    const auto text = value->get_string().value_unsafe();
    const auto* const text_end = text.data() + text.size();
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text_end, number);
    return error == std::errc{} && end == text_end && number > 0 ? number : 0;
  }
  case element_type::ARRAY: {
    const simdjson::dom::array list = value->get_array().value_unsafe();
    if (list.begin() == list.end())
      return 0;
    const auto first = *list.begin();
    return first.is_array() ? 0 : number_of(first);
  }
  default:
    return 0;
  }
}

std::string https_url(std::string_view url) {
  const auto colon = url.find("//");
  if (colon == std::string_view::npos || colon + 2 >= url.size())
    return {};
  std::string scheme{url.substr(0, colon)};
  for (auto& c : scheme)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  if (scheme != "http:" && scheme != "https:" && !scheme.empty())
    return {};
  if (std::any_of(url.begin(), url.end(), [](char c) { return c >= 0 && c <= 0x20; }) || url[colon + 2] == '/')
    return {};
  return "https:" + std::string{url.substr(colon)};
}

} // namespace troupe::books
