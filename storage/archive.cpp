#include "storage/archive.hpp"

#include "storage/digest.hpp"
#include "storage/files/file.hpp"

#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

namespace troupe::storage {
namespace {

// Of reading and writing: large enough that a call costs nothing beside the compression.
constexpr std::size_t piece_bytes = 256 << 10;

struct entry_closer {
  void operator()(archive_entry* entry) const noexcept { archive_entry_free(entry); }
};
using entry_ptr = std::unique_ptr<archive_entry, entry_closer>;

auto failed(archive* handle, const std::string& path, const char* what) {
  const auto* const reason = archive_error_string(handle);
  return fail(ec::storage_failed, path + ": " + what + ": " + (reason != nullptr ? reason : "unknown"));
}

} // namespace

struct archive_writer::state {
  archive* handle = archive_write_new();
  std::string path;

  state() = default;
  state(const state&) = delete;
  state& operator=(const state&) = delete;
  ~state() { archive_write_free(handle); }

  result<void> begin(const std::string& name, std::int64_t size) {
    const auto entry = entry_ptr{archive_entry_new()};
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), S_IRUSR | S_IWUSR);
    archive_entry_set_size(entry.get(), size);
    return archive_write_header(handle, entry.get()) == ARCHIVE_OK ? result<void>{ok()}
                                                                   : failed(handle, path, "cannot be written");
  }

  result<void> write(std::string_view bytes) {
    return archive_write_data(handle, bytes.data(), bytes.size()) == static_cast<la_ssize_t>(bytes.size())
             ? result<void>{ok()}
             : failed(handle, path, "cannot be written");
  }
};

archive_writer::archive_writer(std::unique_ptr<state> s) noexcept : state_{std::move(s)} {}

archive_writer::~archive_writer() = default;

result<std::unique_ptr<archive_writer>> archive_writer::open(int descriptor, std::string path) {
  auto s = std::make_unique<state>();
  s->path = std::move(path);
  if (archive_write_set_format_pax_restricted(s->handle) != ARCHIVE_OK
      || archive_write_add_filter_zstd(s->handle) != ARCHIVE_OK
      || archive_write_open_fd(s->handle, descriptor) != ARCHIVE_OK)
    return failed(s->handle, s->path, "cannot be written");
  return std::unique_ptr<archive_writer>{new archive_writer{std::move(s)}};
}

result<std::string> archive_writer::add_file(const std::string& name, const std::string& path) {
  auto from = files::open_if_there(files::system_calls::real(), path);
  if (!from)
    return from.as_failure();
  struct stat about = {};
  if (!from.value() || ::fstat(from.value().descriptor(), &about) != 0)
    return fail(ec::storage_failed, path + ": is missing");
  if (auto begun = state_->begin(name, about.st_size); !begun)
    return begun.as_failure();
  auto hash = sha256_hash{};
  auto bytes = std::string{};
  for (std::int64_t at = 0; at < about.st_size; at += static_cast<std::int64_t>(bytes.size())) {
    const auto count = std::min<std::int64_t>(piece_bytes, about.st_size - at);
    if (auto done = files::read_at(from.value(), path, at, static_cast<std::size_t>(count), bytes); !done)
      return done.as_failure();
    if (bytes.empty())
      return fail(ec::storage_failed, path + ": was cut off while it was read");
    hash.update(bytes);
    if (auto done = state_->write(bytes); !done)
      return done.as_failure();
  }
  const auto sum = hash.finish();
  return to_hex(as_text(sum));
}

result<std::string> archive_writer::add_text(const std::string& name, std::string_view text) {
  if (auto begun = state_->begin(name, static_cast<std::int64_t>(text.size())); !begun)
    return begun.as_failure();
  if (auto done = state_->write(text); !done)
    return done.as_failure();
  const auto sum = sha256(text);
  return to_hex(as_text(sum));
}

result<void> archive_writer::finish() {
  return archive_write_close(state_->handle) == ARCHIVE_OK ? result<void>{ok()}
                                                           : failed(state_->handle, state_->path, "cannot be written");
}

struct archive_reader::state {
  archive* handle = archive_read_new();
  std::string path;

  state() = default;
  state(const state&) = delete;
  state& operator=(const state&) = delete;
  ~state() { archive_read_free(handle); }
};

archive_reader::archive_reader(std::unique_ptr<state> s) noexcept : state_{std::move(s)} {}

archive_reader::~archive_reader() = default;

result<std::unique_ptr<archive_reader>> archive_reader::open(const std::string& path) {
  auto s = std::make_unique<state>();
  s->path = path;
  if (archive_read_support_format_tar(s->handle) != ARCHIVE_OK
      || archive_read_support_filter_zstd(s->handle) != ARCHIVE_OK
      || archive_read_open_filename(s->handle, path.c_str(), piece_bytes) != ARCHIVE_OK)
    return failed(s->handle, path, "cannot be read");
  return std::unique_ptr<archive_reader>{new archive_reader{std::move(s)}};
}

result<std::optional<archived>> archive_reader::next() {
  archive_entry* entry = nullptr;
  const auto code = archive_read_next_header(state_->handle, &entry);
  if (code == ARCHIVE_EOF)
    return std::optional<archived>{};
  if (code != ARCHIVE_OK)
    return failed(state_->handle, state_->path, "cannot be read");
  const auto* const name = archive_entry_pathname(entry);
  const auto plain = archive_entry_filetype(entry) == AE_IFREG && archive_entry_hardlink(entry) == nullptr;
  return std::optional{archived{name != nullptr ? name : "", plain}};
}

result<std::size_t> archive_reader::read(std::span<char> buffer) {
  const auto count = archive_read_data(state_->handle, buffer.data(), buffer.size());
  if (count < 0)
    return failed(state_->handle, state_->path, "cannot be read");
  return static_cast<std::size_t>(count);
}

} // namespace troupe::storage
