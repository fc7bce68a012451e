// Google's way to write a book. What the recorded bodies show and a mapper must live with is kept: identifiers in
// either order or of type OTHER, keys left out when unknown, pageCount 0, http:// links, entities in snippets, and a
// detail answer that differs from the search item.
#include "apps/replay/json_text.hpp"
#include "apps/replay/render.hpp"

#include <span>

namespace troupe::replay {

namespace {

std::string base64url(std::uint64_t number, std::size_t length) {
  static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  for (std::size_t i = 0; i < length; ++i, number >>= 6)
    out += alphabet[number & 63];
  return out;
}

std::string escaped_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '"':
      out += "&quot;";
      break;
    case '\'':
      out += "&#39;";
      break;
    default:
      out += c;
    }
  }
  return out;
}

void append_identifiers(std::string& out, const book& b, std::uint64_t print) {
  auto append_one = [&out](std::string_view type, std::string_view identifier) {
    out += out.back() == '[' ? "{" : ",{";
    append_member(out, "type", type);
    append_member(out, "identifier", identifier);
    out += '}';
  };
  append_json(out, "industryIdentifiers", "[");
  if (b.isbn13.empty()) {
    append_one("OTHER", "STANFORD:36105" + std::to_string(print % 1'000'000'000));
  } else {
    const bool ten_first = print % 2 == 0 && !b.isbn10.empty();
    if (ten_first)
      append_one("ISBN_10", b.isbn10);
    append_one("ISBN_13", b.isbn13);
    if (!ten_first && !b.isbn10.empty())
      append_one("ISBN_10", b.isbn10);
  }
  out += ']';
}

void append_images(std::string& out, const std::string& id, bool detail) {
  struct image {
    std::string_view name;
    std::string_view zoom;
  };
  static constexpr image images[]{
    {"smallThumbnail", "5"}, {"thumbnail", "1"}, {"small", "2"}, {"medium", "3"}, {"large", "4"}, {"extraLarge", "6"}};
  append_json(out, "imageLinks", "{");
  for (const auto& [name, zoom] : std::span{images}.first(detail ? std::size(images) : 2)) {
    std::string url = "http://books.google.com/books/content?id=";
    url.append(id).append("&printsec=frontcover&img=1&zoom=").append(zoom).append("&edge=curl&source=gbs_api");
    append_member(out, name, url);
  }
  out += '}';
}

void append_volume_info(std::string& out, const book& b, const std::string& id, std::uint64_t print, bool detail) {
  append_json(out, "volumeInfo", "{");
  const auto [title, subtitle] = split(b.title);
  append_member(out, "title", title);
  if (!subtitle.empty())
    append_member(out, "subtitle", subtitle);
  if (!b.authors.empty())
    append_member(out, "authors", b.authors);
  if (!b.publisher.empty())
    append_member(out, "publisher", b.publisher);
  if (b.year > 0)
    append_member(out, "publishedDate", std::to_string(b.year));
  append_member(out, "description",
    detail ? "<p><b>" + escaped_html(b.title) + "</b></p><p>" + escaped_html(describe(b)) + "<br></p>" : describe(b));
  append_identifiers(out, b, print);
  append_json(out, "readingModes", R"({"text":false,"image":false})");
  if (print % 8 == 1) // a count of zero for some, no count for the rest: the catalogue knows none
    append_json(out, "pageCount", "0");
  append_member(out, "printType", "BOOK");
  if (!b.subjects.empty()) {
    std::vector<std::string> paths{b.subjects.front()};
    if (detail)
      for (std::size_t i = 1; i < b.subjects.size(); ++i)
        paths.push_back(b.subjects.front() + " / " + b.subjects[i]);
    append_member(out, "categories", paths);
  }
  append_member(out, "maturityRating", "NOT_MATURE");
  append_json(out, "allowAnonLogging", "false");
  append_member(out, "contentVersion", "0.5.1.0.preview.0");
  append_json(out, "panelizationSummary", R"({"containsEpubBubbles":false,"containsImageBubbles":false})");
  append_images(out, id, detail);
  if (const auto language = google_language(b.language); !language.empty())
    append_member(out, "language", language);
  const std::string link = "http://books.google.com/books?id=" + id;
  append_member(out, "previewLink", link + "&printsec=frontcover&hl=&cd=1&source=gbs_api");
  append_member(out, "infoLink", link + "&hl=&source=gbs_api");
  append_member(out, "canonicalVolumeLink", "https://books.google.com/books?id=" + id + "&hl=");
  out += '}';
}

std::string render(const book& b, std::uint32_t row, bool detail) {
  const auto print = fingerprint(b, row);
  const auto id = google_id(b, row);
  std::string out = "{";
  append_member(out, "kind", "books#volume");
  append_member(out, "id", id);
  append_member(out, "etag", base64url(print * 0x9e3779b97f4a7c15ULL, 11));
  append_member(out, "selfLink", "https://www.googleapis.com/books/v1/volumes/" + id);
  append_volume_info(out, b, id, print, detail);
  append_json(out, "saleInfo", R"({"country":"US","saleability":"NOT_FOR_SALE","isEbook":false})");
  append_json(out, "accessInfo",
    R"({"country":"US","viewability":"PARTIAL","embeddable":true,"publicDomain":false,)"
    R"("textToSpeechPermission":"ALLOWED","epub":{"isAvailable":false},"pdf":{"isAvailable":false})");
  append_member(out, "webReaderLink", "http://play.google.com/books/reader?id=" + id + "&hl=&source=gbs_api");
  append_member(out, "accessViewStatus", "SAMPLE");
  append_json(out, "quoteSharingAllowed", "false");
  out += '}';
  if (!detail) {
    append_json(out, "searchInfo", "{");
    const auto [title, subtitle] = split(b.title);
    append_member(out, "textSnippet",
      escaped_html(
        std::string{title} + (b.authors.empty() ? "" : ", by " + b.authors.front()) + ": a book's own words"));
    out += '}';
  }
  return out + '}';
}

} // namespace

std::string google_id(const book& b, std::uint32_t row) {
  return base64url(fingerprint(b, row), 10) + "AJ"; // 60 of its 64 bits; most real ids end so
}

std::string google_item(const book& b, std::uint32_t row) {
  return render(b, row, false);
}

std::string google_volume(const book& b, std::uint32_t row) {
  return render(b, row, true);
}

} // namespace troupe::replay
