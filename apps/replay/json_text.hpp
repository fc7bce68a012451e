// JSON written as text, for bodies that are rendered once and then only concatenated.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace troupe::replay {

/// Appends `text` as a JSON string with its quotes (RFC 8259 section 7). Of a text that is not UTF-8 (a client sent it)
/// every byte beyond ASCII becomes U+FFFD, so that the result is always JSON.
void append_string(std::string& out, std::string_view text);

/// Appends `"name":` and, in front, a comma unless an object or array just begins.
void append_key(std::string& out, std::string_view name);

/// append_key and a value.
void append_member(std::string& out, std::string_view name, std::string_view text);
void append_member(std::string& out, std::string_view name, const std::vector<std::string>& texts);
void append_member(std::string& out, std::string_view name, long long number);
/// A value that is JSON already.
void append_json(std::string& out, std::string_view name, std::string_view json);

} // namespace troupe::replay
