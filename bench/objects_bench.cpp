// What the file back-end of objects costs beside the disk itself: puts and gets of 1 kB, 1 MB and 100 MB, synced and
// not, and the same bytes by plain write(2) into a new file (with fsync of file and directory where the put has them)
// and by read(2). Gets are from the page cache. Prints a JSON line a case.
//   objects_bench [DIRECTORY]     DIRECTORY: where the files go (default: the system's temporary directory)
#include "bench/must.hpp"
#include "storage/files/file.hpp"
#include "storage/files/store.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fmt/core.h>
#include <string>

namespace {

using namespace troupe;
using namespace troupe::storage;
using clock_type = std::chrono::steady_clock;

template <class Work>
void report(const std::string& name, std::size_t bytes, std::size_t count, Work&& work) {
  const auto start = clock_type::now();
  for (std::size_t i = 0; i < count; ++i)
    work(i);
  const auto seconds = std::chrono::duration<double>(clock_type::now() - start).count();
  fmt::print("{{\"case\":\"{}\",\"bytes\":{},\"count\":{},\"us_each\":{:.1f},\"mb_per_s\":{:.1f}}}\n", name, bytes,
    count, seconds * 1e6 / static_cast<double>(count), static_cast<double>(bytes * count) / seconds / 1e6);
}

void plain_write(const std::string& folder, std::size_t i, const std::string& body, bool synced) {
  const auto path = fmt::format("{}/plain{}", folder, i);
  const auto file = must(files::create(files::system_calls::real(), path));
  must(files::write_all(file, path, body));
  if (synced) {
    must(files::sync(file, path));
    must(files::sync_directory(files::system_calls::real(), folder));
  }
}

} // namespace

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  auto pattern = ((argc > 1 ? fs::path{argv[1]} : fs::temp_directory_path()) / "objects_bench.XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    fmt::print(stderr, "objects_bench: {}: cannot make a directory there\n", pattern);
    return 2;
  }
  for (const auto sync : {sqlite::durability::normal, sqlite::durability::full}) {
    const auto synced = sync == sqlite::durability::full;
    const auto* label = synced ? "synced" : "unsynced";
    const auto folder = pattern + "/" + label;
    fs::create_directory(folder);
    const auto bucket = must(
      files::store::open({.directory = folder + "/bucket", .sync = sync, .now_ms = [] { return std::int64_t{0}; }}));
    for (const auto& [bytes, count] :
      {std::pair<std::size_t, std::size_t>{1'000, 500}, {1'000'000, 50}, {100'000'000, 3}}) {
      const auto body = std::string(bytes, 'x');
      const auto own = fmt::format("{}/{}", folder, bytes);
      fs::create_directory(own);
      report(
        fmt::format("plain_write_{}", label), bytes, count, [&](std::size_t i) { plain_write(own, i, body, synced); });
      report(fmt::format("objects_put_{}", label), bytes, count,
        [&](std::size_t i) { must(bucket->put(fmt::format("{}/{}", bytes, i), source_of(body), {})); });
      if (synced)
        continue;
      report("plain_read", bytes, count, [&](std::size_t i) {
        const auto path = fmt::format("{}/plain{}", own, i);
        const auto file = must(files::open_if_there(files::system_calls::real(), path));
        auto block = std::string{};
        for (std::size_t at = 0; at < bytes; at += 256 << 10)
          must(files::read_at(file, path, static_cast<std::int64_t>(at), 256 << 10, block));
      });
      report("objects_get", bytes, count, [&](std::size_t i) {
        auto had = std::size_t{0};
        must(bucket->get(fmt::format("{}/{}", bytes, i), [&](const object_info&, std::string_view piece) {
          had += piece.size();
          return true;
        }));
        if (had != bytes)
          std::exit(1);
      });
    }
  }
  fs::remove_all(pattern);
  return 0;
}
