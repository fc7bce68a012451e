#include "apps/http/multipart.hpp"

#include "apps/http/strict.hpp"

#include <algorithm>
#include <cstring>

namespace troupe::http {

namespace {

constexpr std::size_t longest_boundary = 70; // RFC 2046 5.1.1

auto bad(std::string_view what) {
  return fail(ec::bad_request, std::string{what});
}

// RFC 2046 5.1.1, bchars; a space may not be the last.
bool is_boundary(std::string_view text) noexcept {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || std::string_view{"'()+_,-./:=? "}.find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= longest_boundary && text.back() != ' '
         && std::all_of(text.begin(), text.end(), allowed);
}

// Reads `; name=value` parameters (RFC 9110 5.6.6), one a call.
class parameters {
public:
  explicit parameters(std::string_view text) noexcept : rest_{text} {}

  struct one {
    std::string_view name;
    std::string value;
  };

  // Nothing at the end; an error when what follows is no parameter.
  result<std::optional<one>> next() {
    rest_ = trim(rest_);
    while (!rest_.empty() && rest_.front() == ';')
      rest_ = trim(rest_.substr(1));
    if (rest_.empty())
      return std::optional<one>{};
    const auto equals = rest_.find('=');
    if (equals == std::string_view::npos || !is_token(rest_.substr(0, equals)))
      return bad("expected parameters of the form name=value");
    one found{rest_.substr(0, equals), {}};
    rest_.remove_prefix(equals + 1);
    if (rest_.empty() || rest_.front() != '"') {
      const auto end = std::min(rest_.find(';'), rest_.size());
      found.value = trim(rest_.substr(0, end));
      rest_.remove_prefix(end);
      if (!is_token(found.value))
        return bad("expected a token or a quoted string behind '='");
      return std::optional{std::move(found)};
    }
    if (!quoted(found.value))
      return bad("a quoted string does not end");
    rest_ = trim(rest_);
    if (!rest_.empty() && rest_.front() != ';')
      return bad("expected ';' between parameters");
    return std::optional{std::move(found)};
  }

private:
  // A backslash escapes a quote or a backslash alone: there are clients that send C:\dir\file as it is.
  bool quoted(std::string& value) {
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '"') {
        rest_.remove_prefix(i + 1);
        return true;
      }
      const bool escaped = rest_[i] == '\\' && i + 1 < rest_.size() && (rest_[i + 1] == '"' || rest_[i + 1] == '\\');
      value += rest_[escaped ? ++i : i];
    }
    return false;
  }

  std::string_view rest_;
};

} // namespace

result<std::string> multipart_boundary(std::string_view content_type) {
  const auto end = std::min(content_type.find(';'), content_type.size());
  if (!equal_no_case(trim(content_type.substr(0, end)), "multipart/form-data"))
    return bad("Content-Type: expected multipart/form-data");
  std::optional<std::string> boundary;
  parameters all{content_type.substr(end)};
  for (;;) {
    auto p = all.next();
    if (!p)
      return bad("Content-Type: " + p.error().message);
    if (!p.value())
      break;
    if (!equal_no_case(p.value()->name, "boundary"))
      continue;
    if (boundary)
      return bad("Content-Type: boundary: sent more than once");
    boundary = std::move(p.value()->value);
  }
  if (!boundary)
    return bad("Content-Type: boundary: missing");
  if (!is_boundary(*boundary))
    return bad("Content-Type: boundary: expected 1 to 70 of the characters of RFC 2046");
  return std::move(*boundary);
}

multipart_parser::multipart_parser(std::string_view boundary, part_consumer& to, const multipart_bounds& bounds)
    : delimiter_{"\r\n--" + std::string{boundary}}, to_{to}, bounds_{bounds} {}

result<void> multipart_parser::feed(std::string_view bytes) {
  while (!bytes.empty() && at_ != at::epilogue) {
    if (at_ == at::preamble || at_ == at::body) {
      bytes = content(bytes);
      continue;
    }
    if (auto done = on_byte(bytes.front()); !done)
      return done;
    bytes.remove_prefix(1);
  }
  return ok();
}

result<void> multipart_parser::finish() const {
  if (at_ == at::epilogue)
    return ok();
  return bad(parts_ == 0 && at_ == at::preamble ? "form: no boundary in it" : "form: ends before its last boundary");
}

// Takes what is no delimiter, and a delimiter if it comes. The bytes of a partial match are not kept: they are the
// delimiter's own, and only its first can begin another match.
std::string_view multipart_parser::content(std::string_view bytes) {
  while (!bytes.empty()) {
    if (matched_ == 0) {
      const auto plain = std::min(bytes.find('\r'), bytes.size());
      hand_over(bytes.substr(0, plain));
      bytes.remove_prefix(plain);
    }
    const auto n = std::min(bytes.size(), delimiter_.size() - matched_);
    const auto differs = std::mismatch(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n),
      delimiter_.begin() + static_cast<std::ptrdiff_t>(matched_));
    const auto same = static_cast<std::size_t>(differs.first - bytes.begin());
    matched_ += same;
    bytes.remove_prefix(same);
    if (matched_ == delimiter_.size()) {
      if (at_ == at::body)
        to_.on_part_end();
      matched_ = implied_ = 0;
      header_bytes_ = 0;
      at_ = at::behind_boundary;
      return bytes;
    }
    if (same < n) {
      hand_over(std::string_view{delimiter_}.substr(implied_, matched_ - implied_));
      matched_ = implied_ = 0;
    }
  }
  return bytes;
}

void multipart_parser::hand_over(std::string_view bytes) {
  if (at_ == at::body && !bytes.empty())
    to_.on_bytes(bytes);
}

result<void> multipart_parser::on_byte(char c) {
  switch (at_) {
  case at::behind_boundary:
    if (c == '-') {
      at_ = at::dash;
      return ok();
    }
    at_ = at::padding;
    return on_byte(c);
  case at::dash:
    if (c != '-')
      return bad("form: expected '--' or a line end behind a boundary");
    at_ = at::epilogue;
    return ok();
  case at::padding: // RFC 2046's transport padding
    if (c == '\r')
      at_ = at::padding_lf;
    else if ((c != ' ' && c != '\t') || ++header_bytes_ > bounds_.header_bytes)
      return bad("form: expected '--' or a line end behind a boundary");
    return ok();
  case at::padding_lf:
    if (c != '\n')
      return bad("form: expected CR LF behind a boundary");
    if (++parts_ > bounds_.parts)
      return bad("form: more than " + std::to_string(bounds_.parts) + " parts");
    header_bytes_ = 0;
    has_disposition_ = has_type_ = false;
    at_ = at::header;
    return ok();
  case at::header:
    return on_header(c);
  case at::preamble: // taken by content()
  case at::body:
  case at::epilogue:
    break;
  }
  return ok();
}

result<void> multipart_parser::on_header(char c) {
  if (++header_bytes_ > bounds_.header_bytes)
    return bad("form: the header fields of a part are too large");
  if (c != '\n') {
    line_ += c;
    return ok();
  }
  if (line_.empty() || line_.back() != '\r')
    return bad("form: a header field's line ends in LF alone");
  line_.pop_back();
  if (line_.empty())
    return begin_part();
  auto done = on_header_line();
  line_.clear();
  return done;
}

result<void> multipart_parser::on_header_line() {
  if (const auto why = check_field_line(line_))
    return bad("form: " + std::string{why.reason});
  const auto colon = line_.find(':');
  const auto name = std::string_view{line_}.substr(0, colon);
  const auto value = trim(std::string_view{line_}.substr(colon + 1));
  if (equal_no_case(name, "content-type")) {
    if (std::exchange(has_type_, true))
      return bad("form: Content-Type: sent more than once in a part");
    type_ = value;
  } else if (equal_no_case(name, "content-disposition")) {
    if (std::exchange(has_disposition_, true))
      return bad("form: Content-Disposition: sent more than once in a part");
    const auto end = std::min(value.find(';'), value.size());
    if (!equal_no_case(trim(value.substr(0, end)), "form-data"))
      return bad("form: Content-Disposition: expected form-data");
    disposition_ = value.substr(end);
  } else if (equal_no_case(name, "content-transfer-encoding") && !equal_no_case(value, "binary")
             && !equal_no_case(value, "8bit") && !equal_no_case(value, "7bit")) {
    return bad("form: Content-Transfer-Encoding: deprecated (RFC 7578 4.7), and its bytes are not decoded here");
  }
  return ok();
}

result<void> multipart_parser::begin_part() {
  if (!has_disposition_)
    return bad("form: a part without Content-Disposition");
  std::optional<std::string> name;
  std::optional<std::string> filename;
  parameters all{disposition_};
  for (;;) {
    auto p = all.next();
    if (!p)
      return bad("form: Content-Disposition: " + p.error().message);
    if (!p.value())
      break;
    // filename* is not for forms (RFC 7578 4.2): ignored, like every other name.
    auto* const known = equal_no_case(p.value()->name, "name")       ? &name
                        : equal_no_case(p.value()->name, "filename") ? &filename
                                                                     : nullptr;
    if (known == nullptr)
      continue;
    if (*known)
      return bad("form: Content-Disposition: a parameter is sent more than once");
    *known = std::move(p.value()->value);
  }
  if (!name)
    return bad("form: Content-Disposition: name: missing");
  part_head head{*name, std::nullopt, has_type_ ? std::string_view{type_} : std::string_view{"text/plain"}};
  if (filename)
    head.filename = *filename;
  to_.on_part(head);
  at_ = at::body;
  matched_ = implied_ = line_end; // the empty line's end may be a delimiter's too: a part without bytes
  return ok();
}

} // namespace troupe::http
