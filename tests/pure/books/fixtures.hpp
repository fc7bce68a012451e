// The recorded answers of real providers, which lie beside a checkout (../shared/fixtures) and are no part of it. A
// clone without them leaves out what needs them, and says so.
#pragma once

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace troupe::books::testing {

struct recording {
  std::string file;     // "google_books/search-dance.json"
  std::string provider; // "google_books"
  int status = 0;
  std::string content_type;
  std::string body;
};

inline std::filesystem::path fixtures_folder() {
  return std::filesystem::path{TROUPE_SOURCE_DIR} / ".." / "shared" / "fixtures";
}

inline std::string read_whole(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// What the manifest lists of the book providers; nothing, said on stderr, where there are no recordings.
inline std::vector<recording> recordings() {
  std::vector<recording> list;
  const auto manifest = nlohmann::json::parse(read_whole(fixtures_folder() / "MANIFEST.json"), nullptr, false);
  if (!manifest.is_array()) {
    std::cerr << "*** LEFT OUT: no recorded answers in " << fixtures_folder().string() << " ***\n";
    return list;
  }
  for (const auto& row : manifest)
    if (const auto provider = row.at("provider").get<std::string>();
        provider == "google_books" || provider == "open_library" || provider == "isbndb")
      list.push_back({row.at("file"), provider, row.at("status"), row.at("content_type"),
        read_whole(fixtures_folder() / row.at("file").get<std::string>())});
  return list;
}

} // namespace troupe::books::testing
