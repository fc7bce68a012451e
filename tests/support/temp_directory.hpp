// A directory of a test's own, gone when the test ends.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace troupe::test {

class temp_directory {
public:
  explicit temp_directory(const std::filesystem::path& within = std::filesystem::temp_directory_path()) {
    auto pattern = (within / "troupe_test.XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      throw std::runtime_error{"no temporary directory: " + pattern};
    path_ = pattern;
  }
  temp_directory(const temp_directory&) = delete;
  temp_directory& operator=(const temp_directory&) = delete;
  ~temp_directory() {
    auto ignored = std::error_code{};
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

  /// Writes a file and returns its path.
  [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
    auto out = std::ofstream{path_ / name, std::ios::binary};
    out << text;
    return file(name);
  }

  /// Where files are in memory, if the system has that: for tests that make and remove very many.
  [[nodiscard]] static std::filesystem::path in_memory() {
    return std::filesystem::exists("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
  }

private:
  std::filesystem::path path_;
};

} // namespace troupe::test
