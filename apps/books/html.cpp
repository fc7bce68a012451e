// HTML fragments to plain text. Linear in the input whatever it holds: a `<` that no `>` follows is looked for once.
#include "apps/books/text.hpp"
#include "apps/books/utf8.hpp"

#include <array>
#include <charconv>
#include <optional>

namespace troupe::books {
namespace {

/// The names for U+00A0 to U+00FF, in order (HTML 4, "Latin 1").
constexpr std::array<std::string_view, 96> latin1{"nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect",
  "uml", "copy", "ordf", "laquo", "not", "shy", "reg", "macr", "deg", "plusmn", "sup2", "sup3", "acute", "micro",
  "para", "middot", "cedil", "sup1", "ordm", "raquo", "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute",
  "Acirc", "Atilde", "Auml", "Aring", "AElig", "Ccedil", "Egrave", "Eacute", "Ecirc", "Euml", "Igrave", "Iacute",
  "Icirc", "Iuml", "ETH", "Ntilde", "Ograve", "Oacute", "Ocirc", "Otilde", "Ouml", "times", "Oslash", "Ugrave",
  "Uacute", "Ucirc", "Uuml", "Yacute", "THORN", "szlig", "agrave", "aacute", "acirc", "atilde", "auml", "aring",
  "aelig", "ccedil", "egrave", "eacute", "ecirc", "euml", "igrave", "iacute", "icirc", "iuml", "eth", "ntilde",
  "ograve", "oacute", "ocirc", "otilde", "ouml", "divide", "oslash", "ugrave", "uacute", "ucirc", "uuml", "yacute",
  "thorn", "yuml"};

struct named {
  std::string_view name;
  char32_t point;
};

constexpr std::array others{named{"amp", '&'}, named{"lt", '<'}, named{"gt", '>'}, named{"quot", '"'},
  named{"apos", '\''}, named{"ndash", 0x2013}, named{"mdash", 0x2014}, named{"lsquo", 0x2018}, named{"rsquo", 0x2019},
  named{"sbquo", 0x201A}, named{"ldquo", 0x201C}, named{"rdquo", 0x201D}, named{"bdquo", 0x201E},
  named{"hellip", 0x2026}, named{"bull", 0x2022}, named{"trade", 0x2122}, named{"euro", 0x20AC}, named{"OElig", 0x152},
  named{"oelig", 0x153}, named{"Scaron", 0x160}, named{"scaron", 0x161}, named{"Zcaron", 0x17D}, named{"zcaron", 0x17E},
  named{"lsaquo", 0x2039}, named{"rsaquo", 0x203A}, named{"dagger", 0x2020}, named{"prime", 0x2032},
  named{"ensp", 0x2002}, named{"emsp", 0x2003}, named{"thinsp", 0x2009}, named{"zwnj", 0x200C}, named{"zwj", 0x200D},
  named{"Yuml", 0x178}, named{"minus", 0x2212}, named{"lrm", 0x200E}, named{"rlm", 0x200F}};

/// What &#128; to &#159; mean: Windows-1252 (HTML Living Standard 13.2.5.80); 0 where it has no character.
constexpr std::array<char16_t, 32> windows_1252{0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6,
  0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017D, 0, 0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC,
  0x2122, 0x0161, 0x203A, 0x0153, 0, 0x017E, 0x0178};

std::optional<char32_t> named_point(std::string_view name) {
  for (const auto& row : others)
    if (row.name == name)
      return row.point;
  for (std::size_t i = 0; i < latin1.size(); ++i)
    if (latin1[i] == name)
      return static_cast<char32_t>(0xA0 + i);
  return std::nullopt;
}

/// Reads the reference that starts with the `&` at `at`; moves `at` behind it. Nothing: the `&` is only itself.
std::optional<char32_t> reference(std::string_view html, std::size_t& at) {
  std::size_t from = at + 1;
  if (from < html.size() && html[from] == '#') {
    ++from;
    const bool hex = from < html.size() && (html[from] == 'x' || html[from] == 'X');
    from += hex ? 1 : 0;
    std::uint32_t value = 0;
    const auto* end = html.data() + html.size();
    const auto [stop, error] = std::from_chars(html.data() + from, end, value, hex ? 16 : 10);
    if (stop == html.data() + from)
      return std::nullopt;
    at = static_cast<std::size_t>(stop - html.data());
    if (at < html.size() && html[at] == ';')
      ++at;
    if (error != std::errc{} || value == 0)
      return 0xFFFD;
    if (value >= 0x80 && value <= 0x9F && windows_1252[value - 0x80] != 0)
      return windows_1252[value - 0x80];
    return value;
  }
  // the longest name here has six letters
  const auto end = html.substr(from, 8).find(';');
  if (end == std::string_view::npos)
    return std::nullopt;
  auto point = named_point(html.substr(from, end));
  if (point)
    at = from + end + 1;
  return point;
}

bool starts_tag(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '!' || c == '?';
}

/// Whether a tag ends a line of text. `tag` is what stands between `<` and `>`.
bool breaks_line(std::string_view tag) {
  std::string name;
  for (char c : tag.substr(tag.starts_with('/') ? 1 : 0)) {
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) || name.size() == 10)
      break;
    name.push_back(static_cast<char>(c | 0x20)); // leaves digits alone
  }
  constexpr std::array<std::string_view, 16> breaking{
    "br", "p", "div", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "tr", "hr", "blockquote", "table"};
  return std::find(breaking.begin(), breaking.end(), name) != breaking.end();
}

/// Text with white space collapsed: to a line break where a tag asked for one, otherwise to a space.
class lines {
public:
  explicit lines(std::size_t size) { out_.reserve(size); }

  void put(char32_t c) {
    if (utf8::is_space(c)) {
      gap_ = true;
      return;
    }
    if (c < 0x20 || c == 0x7F)
      return;
    close_gap();
    utf8::append(out_, c);
  }

  /// A run of printing ASCII.
  void put(std::string_view word) {
    close_gap();
    out_ += word;
  }

  void end_line() { break_ = true; }

  [[nodiscard]] std::string take() { return std::move(out_); }

private:
  void close_gap() {
    if ((gap_ || break_) && !out_.empty())
      out_.push_back(break_ ? '\n' : ' ');
    gap_ = break_ = false;
  }

  std::string out_;
  bool gap_ = false;
  bool break_ = false;
};

} // namespace

std::string html_to_text(std::string_view html) {
  lines out{html.size()};
  bool tags_end = true; // false once it is known that no `>` follows
  for (std::size_t at = 0; at < html.size();) {
    if (html[at] == '<' && tags_end && at + 1 < html.size() && starts_tag(html[at + 1])) {
      const bool comment = html.substr(at).starts_with("<!--");
      auto end = html.find(comment ? "-->" : ">", at);
      if (comment && end == std::string_view::npos)
        end = html.find('>', at);
      if (end != std::string_view::npos) {
        if (breaks_line(html.substr(at + 1, end - at - 1)))
          out.end_line();
        at = end + (comment && html[end] == '-' ? 3 : 1);
        continue;
      }
      tags_end = false;
    }
    if (html[at] == '&') {
      if (const auto point = reference(html, at)) {
        out.put(*point);
        continue;
      }
    }
    auto end = at; // most of a text is words
    while (end < html.size() && html[end] > 0x20 && html[end] < 0x7F && html[end] != '<' && html[end] != '&')
      ++end;
    if (end > at) {
      out.put(html.substr(at, end - at));
      at = end;
    } else {
      out.put(utf8::next(html, at));
    }
  }
  return out.take();
}

} // namespace troupe::books
