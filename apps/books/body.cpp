#include "apps/books/body.hpp"

#include "apps/books/text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace troupe::books {
namespace {

using nlohmann::json;

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

complaint read_complaint(const json& body) {
  complaint c;
  const auto* error = find(body, "error");
  const json& from = error && error->is_object() ? *error : body;
  for (const char* key : {"message", "error_message", "error", "reason"})
    if (c.words.empty() && find(from, key) && find(from, key)->is_string())
      c.words = text_of(from, key);
  for (const char* key : {"code", "status"})
    if (const auto* number = find(from, key); number && c.status == 0)
      c.status = number_of(*number);
  c.limit = speaks_of_limits(c.words) || speaks_of_limits(text_of(from, "status"));
  if (const auto* errors = find(from, "errors"); errors && errors->is_array())
    for (const auto& one : *errors)
      c.limit = c.limit || speaks_of_limits(text_of(one, "reason"));
  return c;
}

bool every_key(std::string_view, int) noexcept {
  return true;
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

result<json> parse_body(std::string_view provider, std::string_view body, key_filter wanted) {
  body = without_mark(body);
  const auto first = body.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos)
    return malformed(provider, "body: expected JSON, got nothing");
  if (body[first] == '<')
    return malformed(provider, "body: expected JSON, got HTML or XML");
  auto read = read_json(body, wanted);
  if (read.document)
    return std::move(*read.document);
  return malformed(provider, "body: broken JSON: " + std::string{read.error});
}

result<verdict> judge_status(std::string_view provider, const http_response& answer) {
  if (answer.code != ec::none)
    return fail(answer.code, std::string{provider} + ": " + answer.detail);
  if (answer.status >= 200 && answer.status < 300)
    return verdict::read;
  complaint c;
  if (auto body = parse_body(provider, answer.body.view(), every_key))
    c = read_complaint(body.value());
  else
    c.limit = speaks_of_limits(answer.body.view().substr(0, 4096)); // an HTML page
  return judge(provider, answer.status, c);
}

result<verdict> judge_complaint(std::string_view provider, const json& body) {
  const auto* error = find(body, "error");
  const auto* message = find(body, "message");
  if (!error && !(message && message->is_string()))
    return verdict::read;
  auto c = read_complaint(body);
  if (c.words == "notfound") // Open Library's word for it
    return verdict::nothing;
  if (c.status < 400 || c.status > 599)
    c.status = c.limit ? 429 : 500;
  return judge(provider, c.status, c);
}

const json* find(const json& object, const char* key) {
  if (!object.is_object())
    return nullptr;
  const auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

namespace {

/// The value in which a text stands: the value itself, `value`, `name` or `key` of an object, the first of an array.
const json& text_in(const json& value) {
  const auto* v = &value;
  // an array of objects of strings is the deepest that occurs
  for (int depth = 0; depth < 3; ++depth) {
    if (v->is_array() && !v->empty()) {
      v = &v->front();
    } else if (v->is_object()) {
      const json* inner = nullptr;
      for (const char* key : {"value", "name", "key"})
        if (!inner)
          inner = find(*v, key);
      if (!inner)
        break;
      v = inner;
    } else {
      break;
    }
  }
  return *v;
}

} // namespace

std::string raw_text(const json& value) {
  const auto& text = text_in(value);
  if (text.is_string())
    return text.get_ref<const std::string&>();
  if (text.is_number_integer())
    return text.dump();
  if (text.is_number_float() && number_of(text) != 0)
    return std::to_string(number_of(text));
  return {};
}

std::string tidy_text(const json& value) {
  const auto& text = text_in(value);
  return text.is_string() ? tidy(text.get_ref<const std::string&>()) : raw_text(text);
}

std::string text_of(const json& object, const char* key) {
  const auto* value = find(object, key);
  return value ? tidy_text(*value) : std::string{};
}

std::vector<std::string> texts_of(const json& object, const char* key, std::size_t most) {
  std::vector<std::string> list;
  auto add = [&](const json& value) {
    if (list.size() >= most)
      return;
    auto text = tidy_text(value);
    if (!text.empty() && std::find(list.begin(), list.end(), text) == list.end())
      list.push_back(std::move(text));
  };
  if (const auto* value = find(object, key)) {
    if (value->is_array())
      std::for_each(value->begin(), value->end(), add);
    else
      add(*value);
  }
  return list;
}

std::int64_t number_of(const json& value) {
  if (value.is_number_unsigned())
    return static_cast<std::int64_t>(std::min<std::uint64_t>(value.get<std::uint64_t>(), INT64_MAX));
  if (value.is_number_float()) {
    const auto number = value.get<double>();
    return number >= 0 && number < 1e15 && std::floor(number) == number ? static_cast<std::int64_t>(number) : 0;
  }
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() && number > 0 ? number : 0;
  }
  return value.is_array() && !value.empty() && !value.front().is_array() ? number_of(value.front()) : 0;
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
