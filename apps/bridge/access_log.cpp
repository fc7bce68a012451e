#include "apps/bridge/access_log.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include <fcntl.h>
#include <unistd.h>

namespace troupe {
namespace {

// About 20,000 lines: a fifth of a second at full load, or all of a disk's pause at a common one.
constexpr std::size_t most_buffered = 4 << 20;
// Lines are gathered so long before they are written: ten writes a second instead of one a request.
constexpr std::chrono::milliseconds gathering{100};
constexpr std::size_t worth_writing = 256 << 10; // sooner, when so much waits

bool is_plain(char c) {
  return c >= ' ' && c < '\x7f' && c != '"' && c != '\\';
}

// Bytes beyond ASCII stand for themselves in no encoding that we know of: escaped one by one.
void append_escaped(std::string& out, std::string_view text, std::string_view escape) {
  for (const auto c : text) {
    if (is_plain(c)) {
      out += c;
    } else {
      constexpr std::string_view digits = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      out.append(escape);
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    }
  }
}

void append_text(std::string& out, std::string_view name, std::string_view value) {
  out.append(",\"").append(name).append("\":");
  if (value.empty()) {
    out.append("null");
    return;
  }
  out += '"';
  append_escaped(out, value, "\\u00");
  out += '"';
}

std::string_view version_of(const access_entry& e) {
  return e.version == 10 ? "HTTP/1.0" : "HTTP/1.1";
}

long microseconds(const access_entry& e) {
  return std::chrono::duration_cast<std::chrono::microseconds>(e.took).count();
}

// Formatting a time of day costs more than the rest of the line: once a second.
struct second_text {
  std::time_t second = -1;
  std::string text;

  std::string_view get(std::time_t now, fmt::format_string<std::tm> layout) {
    if (now != second) {
      text = fmt::format(layout, fmt::gmtime(now));
      second = now;
    }
    return text;
  }
};

int open_file(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

error cannot_open(const std::string& path) {
  return {ec::config_invalid, path + ": cannot be opened for the access log: " + std::strerror(errno)};
}

} // namespace

void append_json(std::string& out, const access_entry& e) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(e.time.time_since_epoch()).count();
  thread_local second_text time;
  fmt::format_to(
    std::back_inserter(out), "{{\"time\":\"{}.{:03}Z\"", time.get(ms / 1000, "{:%Y-%m-%dT%H:%M:%S}"), ms % 1000);
  append_text(out, "client", e.client);
  append_text(out, "method", e.method);
  append_text(out, "path", e.path);
  fmt::format_to(std::back_inserter(out), ",\"protocol\":\"{}\",\"status\":{},\"bytes\":{},\"us\":{}", version_of(e),
    e.status, e.bytes, microseconds(e));
  append_text(out, "trace", e.trace_id);
  append_text(out, "cache", e.x_cache);
  append_text(out, "key", e.key);
  out.append("}\n");
}

void append_common(std::string& out, const access_entry& e) {
  const auto or_dash = [](std::string_view v) { return v.empty() ? std::string_view{"-"} : v; };
  const auto now = std::chrono::system_clock::to_time_t(e.time);
  thread_local second_text time;
  append_escaped(out, or_dash(e.client), "\\x");
  out.append(" - ");
  append_escaped(out, or_dash(e.key), "\\x");
  out.append(" [").append(time.get(now, "{:%d/%b/%Y:%H:%M:%S}")).append(" +0000] \"");
  append_escaped(out, e.method, "\\x");
  out += ' ';
  append_escaped(out, e.path, "\\x");
  fmt::format_to(std::back_inserter(out), " {}\" {} {} {} {} {}\n", version_of(e), e.status, e.bytes, microseconds(e),
    or_dash(e.trace_id), or_dash(e.x_cache));
}

result<std::unique_ptr<access_log>> access_log::open(const std::string& path, format f) {
  const int fd = path.empty() ? STDOUT_FILENO : open_file(path);
  if (fd < 0)
    return cannot_open(path);
  return std::unique_ptr<access_log>{new access_log{path, f, fd}};
}

access_log::access_log(std::string path, format f, int fd)
    : path_{std::move(path)}, format_{f}, fd_{fd}, writer_{[this] { run(); }} {}

access_log::~access_log() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  something_.notify_one();
  writer_.join();
  if (!path_.empty())
    ::close(fd_);
}

void access_log::write(const access_entry& e) {
  thread_local std::string line;
  line.clear();
  format_ == format::json ? append_json(line, e) : append_common(line, e);
  bool wake = false;
  {
    std::lock_guard lock{mutex_};
    const auto before = buffer_.size();
    if (before + line.size() > most_buffered) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    buffer_.append(line);
    wake = before == 0 || (before < worth_writing && buffer_.size() >= worth_writing);
  }
  if (wake)
    something_.notify_one();
}

result<void> access_log::reopen() {
  if (path_.empty())
    return ok();
  const int next = open_file(path_);
  if (next < 0)
    return cannot_open(path_);
  std::lock_guard file{file_mutex_};
  std::string lines;
  {
    std::lock_guard lock{mutex_};
    lines.swap(buffer_);
  }
  put(lines, fd_);
  ::close(std::exchange(fd_, next));
  return ok();
}

void access_log::run() {
  std::string lines;
  for (bool last = false; !last;) {
    {
      std::unique_lock lock{mutex_};
      something_.wait(lock, [this] { return stopping_ || !buffer_.empty(); });
      something_.wait_for(lock, gathering, [this] { return stopping_ || buffer_.size() >= worth_writing; });
      last = stopping_;
    }
    std::lock_guard file{file_mutex_};
    {
      std::lock_guard lock{mutex_};
      lines.swap(buffer_);
    }
    put(lines, fd_);
    lines.clear();
  }
}

// A full disk or a reader that has gone costs lines, never the node.
void access_log::put(const std::string& lines, int fd) {
  std::string_view rest = lines;
  while (!rest.empty()) {
    const auto n = ::write(fd, rest.data(), rest.size());
    if (n >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno != EINTR) {
      const auto lost = std::count(rest.begin(), rest.end(), '\n');
      dropped_.fetch_add(static_cast<std::uint64_t>(lost), std::memory_order_relaxed);
      return;
    }
  }
}

} // namespace troupe
