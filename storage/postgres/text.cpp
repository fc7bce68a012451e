#include "storage/postgres/text.hpp"

#include <algorithm>
#include <array>

namespace troupe::storage::postgres {
namespace {

bool is_word_start(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_space(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

template <std::size_t N>
bool one_of(std::string_view word, const std::array<std::string_view, N>& words) noexcept {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// One pass over a text. Each `skip_` returns where what begins at `at` ends; what never ends goes to the text's end,
/// and the server says so better than we could.
class reader {
public:
  explicit reader(std::string_view text) : text_{text} {}

  reading run() {
    while (at_ < text_.size())
      step();
    return std::move(found_);
  }

private:
  [[nodiscard]] char peek(std::size_t offset = 0) const noexcept {
    return at_ + offset < text_.size() ? text_[at_ + offset] : '\0';
  }

  void copy_to(std::size_t end) {
    end = std::min(end, text_.size());
    found_.text.append(text_.substr(at_, end - at_));
    at_ = end;
  }

  void step() {
    const auto c = peek();
    if (is_space(c)) {
      copy_to(at_ + 1);
    } else if (c == '-' && peek(1) == '-') {
      copy_to(text_.find('\n', at_));
    } else if (c == '/' && peek(1) == '*') {
      copy_to(skip_block_comment());
    } else if (c == ';') {
      in_statement_ = false;
      copy_to(at_ + 1);
    } else {
      token(c);
    }
  }

  void token(char c) {
    if (is_word_start(c)) {
      word();
      return;
    }
    begin_statement("");
    if (c == '\'' || c == '"') {
      copy_to(skip_quoted(at_, c, false));
    } else if (c == '$') {
      copy_to(skip_dollar());
    } else if (c == '?') {
      found_.text += '$' + std::to_string(++found_.places);
      ++at_;
    } else if (is_digit(c)) {
      copy_to(word_end(at_));
    } else {
      copy_to(at_ + 1);
    }
  }

  void word() {
    const auto end = word_end(at_);
    auto capitals = std::string{text_.substr(at_, end - at_)};
    std::transform(capitals.begin(), capitals.end(), capitals.begin(),
      [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    static constexpr auto writing = std::to_array<std::string_view>({"INSERT", "UPDATE", "DELETE", "MERGE", "INTO"});
    found_.writes = found_.writes || one_of(capitals, writing);
    // E'...' knows backslashes, the other prefixes (B, X, N, U&) do not.
    const auto escapes = capitals == "E" && end < text_.size() && text_[end] == '\'';
    begin_statement(std::move(capitals));
    copy_to(escapes ? skip_quoted(end, '\'', true) : end);
  }

  void begin_statement(std::string first) {
    if (!in_statement_)
      found_.keywords.push_back(std::move(first));
    in_statement_ = true;
  }

  [[nodiscard]] std::size_t word_end(std::size_t from) const noexcept {
    while (from < text_.size() && (is_word_start(text_[from]) || is_digit(text_[from]) || text_[from] == '$'))
      ++from;
    return from;
  }

  [[nodiscard]] std::size_t skip_quoted(std::size_t from, char quote, bool backslashes) const noexcept {
    for (auto i = from + 1; i < text_.size(); ++i) {
      if (backslashes && text_[i] == '\\')
        ++i;
      else if (text_[i] == quote) // a doubled quote is read as the end of one and the start of another
        return i + 1;
    }
    return text_.size();
  }

  [[nodiscard]] std::size_t skip_block_comment() const noexcept {
    auto depth = 0;
    for (auto i = at_; i + 1 < text_.size(); ++i) {
      const auto two = text_.substr(i, 2);
      if (two == "/*") {
        ++depth;
        ++i;
      } else if (two == "*/") {
        ++i;
        if (--depth == 0)
          return i + 1;
      }
    }
    return text_.size();
  }

  /// `$tag$ ... $tag$`, or else `$1` or a lone `$`.
  [[nodiscard]] std::size_t skip_dollar() const noexcept {
    auto end = at_ + 1;
    while (end < text_.size() && (is_word_start(text_[end]) || (is_digit(text_[end]) && end > at_ + 1)))
      ++end;
    if (end >= text_.size() || text_[end] != '$')
      return at_ + 1;
    const auto tag = text_.substr(at_, end + 1 - at_);
    const auto close = text_.find(tag, end + 1);
    return close == std::string_view::npos ? text_.size() : close + tag.size();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool in_statement_ = false;
  reading found_;
};

} // namespace

reading read(std::string_view text) {
  return reader{text}.run();
}

bool controls_transaction(std::string_view keyword) noexcept {
  static constexpr auto words = std::to_array<std::string_view>(
    {"BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE", "PREPARE"});
  return one_of(keyword, words);
}

bool controls_session(std::string_view keyword) noexcept {
  // DO and CALL run procedures, which may commit; COPY reads and writes the server's files.
  static constexpr auto words = std::to_array<std::string_view>({"SET", "RESET", "DISCARD", "DEALLOCATE", "EXECUTE",
    "DECLARE", "FETCH", "MOVE", "CLOSE", "LISTEN", "UNLISTEN", "LOAD", "COPY", "VACUUM", "DO", "CALL"});
  return controls_transaction(keyword) || one_of(keyword, words);
}

bool only_reads(const reading& statement) noexcept {
  static constexpr auto words = std::to_array<std::string_view>({"SELECT", "VALUES", "TABLE", "WITH", "SHOW"});
  return !statement.writes && statement.keywords.size() == 1 && one_of(statement.keywords.front(), words);
}

bool counts_changes(const reading& statement) noexcept {
  static constexpr auto words = std::to_array<std::string_view>({"INSERT", "UPDATE", "DELETE", "MERGE", "WITH"});
  return statement.writes && statement.keywords.size() == 1 && one_of(statement.keywords.front(), words);
}

} // namespace troupe::storage::postgres
