#include "actors/jq/program.hpp"

#include <algorithm>
#include <cctype>

extern "C" {
#include <jv.h>
// jq.h needs jv.h before it
#include <jq.h>
}

namespace troupe::jq {
namespace {

// Enough to recognise a mistake; jq quotes the value, which may be a whole body.
constexpr std::size_t longest_message = 300;

std::string text_of(jv string) {
  std::string out{jv_string_value(string), static_cast<std::size_t>(jv_string_length_bytes(jv_copy(string)))};
  jv_free(string);
  return out;
}

std::string one_line(std::string text) {
  std::replace_if(
    text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  if (text.size() > longest_message)
    text.replace(longest_message, std::string::npos, "...");
  return text;
}

// The message of an invalid value, which is freed.
std::string complaint(jv invalid) {
  const auto message = jv_invalid_get_msg(invalid);
  if (jv_get_kind(message) == JV_KIND_STRING)
    return one_line(text_of(message));
  return one_line(text_of(jv_dump_string(message, 0)));
}

void keep_message(void* list, jv message) {
  static_cast<std::vector<std::string>*>(list)->push_back(text_of(jq_format_error(message)));
}

} // namespace

void program::closer::operator()(jq_state* state) const noexcept {
  jq_teardown(&state);
}

result<program> program::compile(const std::string& text) {
  if (text.find('\0') != std::string::npos)
    return fail(ec::config_invalid, "line 1: a NUL byte in it");
  std::unique_ptr<jq_state, closer> state{jq_init()};
  if (!state)
    return fail(ec::internal, "jq does not start");
  std::vector<std::string> said;
  jq_set_error_cb(state.get(), keep_message, &said);
  // jq 1.6 leaves these two unset, and `input` and `debug` would call whatever stands in memory there.
  jq_set_input_cb(
    state.get(), [](jq_state*, void*) { return jv_invalid(); }, nullptr);
  jq_set_debug_cb(
    state.get(), [](void*, jv message) { jv_free(message); }, nullptr);
  // No modules: a program is whole by itself, and its process can open no file.
  jq_set_attr(state.get(), jv_string("JQ_LIBRARY_PATH"), jv_array());
  const bool compiled = jq_compile(state.get(), text.c_str()) != 0;
  jq_set_error_cb(
    state.get(), [](void*, jv message) { jv_free(message); }, nullptr);
  if (!compiled)
    return fail(ec::config_invalid, compile_error(said.empty() ? "" : said.front()));
  return program{std::move(state)};
}

result<std::string> program::run(std::string_view body) {
  auto input = jv_parse_sized(body.data(), static_cast<int>(body.size()));
  if (!jv_is_valid(input)) {
    auto why = complaint(input);
    why.resize(std::min(why.size(), why.find(" (while parsing")));
    return fail(ec::provider_malformed, "the body is no JSON: " + why);
  }
  jq_start(state_.get(), input, 0);
  std::string out;
  std::size_t outputs = 0;
  for (;;) {
    auto value = jq_next(state_.get());
    if (!jv_is_valid(value)) {
      if (jv_invalid_has_msg(jv_copy(value)))
        return fail(ec::provider_malformed, "the jq program failed: " + complaint(value));
      jv_free(value);
      break;
    }
    if (++outputs > 1)
      out.push_back(',');
    out += text_of(jv_dump_string(value, 0));
    if (out.size() > longest_output)
      return fail(ec::provider_malformed, "the jq program's output is longer than 8 MiB");
  }
  if (outputs == 0)
    return std::string{"null"};
  return outputs == 1 ? out : '[' + out + ']';
}

std::string compile_error(std::string_view said) {
  // "jq: error: MESSAGE (Unix shell quoting issues?) at <top-level>, line 2:\nTHE LINE"
  constexpr std::string_view prefix = "jq: error: ";
  constexpr std::string_view shell = " (Unix shell quoting issues?)";
  constexpr std::string_view place = " at <top-level>, line ";
  if (said.starts_with(prefix))
    said.remove_prefix(prefix.size());
  const auto at = said.find(place);
  if (at == std::string_view::npos)
    return "line 1: " + one_line(std::string{said.empty() ? "does not compile" : said});
  auto message = std::string{said.substr(0, at)};
  if (const auto hint = message.find(shell); hint != std::string::npos)
    message.erase(hint, shell.size());
  const auto rest = said.substr(at + place.size());
  const auto digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
  return "line " + std::string{rest.substr(0, digits)} + ": " + one_line(std::move(message));
}

} // namespace troupe::jq
