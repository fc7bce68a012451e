// `troupe warm`: uploads a library's export to a node and follows the job that is made of it. Streaming in both
// directions: the file goes as it is read, the events are told as they come. SIGINT is never delivered, but looked for
// (sigtimedwait) wherever this waits, so that nothing has to be undone in a signal handler.
#include "apps/http/uri.hpp"
#include "apps/troupe/commands.hpp"
#include "apps/troupe/process.hpp"
#include "apps/warmer/event_reader.hpp"
#include "apps/warmer/unpack.hpp"
#include "apps/warmer/upload_body.hpp"
#include "apps/warmer/watched_job.hpp"

#include <curl/curl.h>
#include <nlohmann/json.hpp>

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

namespace troupe {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int exit_interrupted = 130; // 128 + SIGINT, as shells have it
constexpr long ok_status = 200;
constexpr long accepted_status = 202;
constexpr long no_more_status = 204; // to who connects again: do not (WHATWG HTML 9.2.3)

// Of an answer that says what is wrong; of a longer one the beginning is enough.
constexpr std::size_t longest_answer = std::size_t{64} << 10;

// Without a byte. An upload's answer comes once it is synced to the disk.
constexpr long silent_upload_s = 120;
// A stream has a heartbeat every 15 s, of 3 bytes: libcurl's lowest speed, a byte a second, would be too much for it.
constexpr std::chrono::seconds silent_stream{45};
constexpr long connect_timeout_s = 10;

// Between connections to a stream: doubled with each that brought nothing, up to the longest.
constexpr milliseconds first_pause{500};
constexpr milliseconds longest_pause{10'000};
constexpr int most_attempts = 12; // in a row, without a byte: a minute and a half of pauses

/// Whether Ctrl-C or SIGTERM came, waiting so long for it. It stays true.
class interruption {
public:
  interruption() {
    prepare_signals();
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
  }
  bool within(milliseconds wait) {
    constexpr std::int64_t second = 1'000;
    constexpr std::int64_t ns = 1'000'000;
    const timespec t{wait.count() / second, wait.count() % second * ns};
    seen_ = seen_ || sigtimedwait(&set_, nullptr, &t) > 0;
    return seen_;
  }
  [[nodiscard]] bool seen() const noexcept { return seen_; }

private:
  sigset_t set_{};
  bool seen_ = false;
};

/// One line on a terminal that is written over, or lines where there is none.
class progress_output {
public:
  explicit progress_output(bool quiet) : terminal_{isatty(STDERR_FILENO) == 1}, quiet_{quiet && !terminal_} {}
  progress_output(const progress_output&) = delete;
  progress_output& operator=(const progress_output&) = delete;
  ~progress_output() { clear(); }

  [[nodiscard]] bool on_terminal() const noexcept { return terminal_; }

  void show(const watched_job& job) { show(progress_line(job, width())); }
  void show(const std::string& line) {
    if (quiet_ || line == last_)
      return;
    last_ = line;
    std::fprintf(stderr, terminal_ ? "\r\x1b[K%s" : "%s\n", line.c_str());
    std::fflush(stderr);
  }
  void clear() {
    if (terminal_ && !last_.empty())
      std::fprintf(stderr, "\r\x1b[K");
    last_.clear();
  }

private:
  [[nodiscard]] std::size_t width() const {
    constexpr std::size_t usual = 80;
    winsize size{};
    if (!terminal_)
      return SIZE_MAX;
    // The last column stays free: some terminals wrap when it is written.
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1U : usual - 1;
  }

  bool terminal_;
  bool quiet_;
  std::string last_;
};

/// A request and what came of it.
class request {
public:
  request(const std::string& url, const std::string& key, interruption& stop) : stop_{stop}, easy_{curl_easy_init()} {
    if (!easy_)
      throw std::runtime_error{"libcurl: no easy handle"};
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_CONNECTTIMEOUT, connect_timeout_s);
    set(CURLOPT_USERAGENT, "troupe/" TROUPE_VERSION);
    set(CURLOPT_ERRORBUFFER, error_.data());
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &request::on_progress);
    set(CURLOPT_XFERINFODATA, static_cast<void*>(this));
    set(CURLOPT_WRITEFUNCTION, &request::on_bytes);
    set(CURLOPT_WRITEDATA, static_cast<void*>(this));
    if (!key.empty())
      add_header("Authorization: Bearer " + key);
  }

  std::function<bool(std::string_view)> on_part; // of an answer of 200; false: enough
  std::function<void(std::int64_t sent)> on_sent;
  /// So long without a byte of the answer's body it is broken off; 0: never.
  std::chrono::seconds longest_silence{0};

  template <class T>
  void set(CURLoption option, T value) {
    if (const auto code = curl_easy_setopt(easy_.get(), option, value); code != CURLE_OK)
      throw std::runtime_error{std::string{"libcurl: "} + curl_easy_strerror(code)};
  }

  void add_header(const std::string& line) {
    auto* const longer = curl_slist_append(headers_.get(), line.c_str());
    if (longer == nullptr)
      throw std::bad_alloc{};
    static_cast<void>(headers_.release());
    headers_.reset(longer);
  }

  /// Whether an answer came as a whole.
  bool perform() {
    set(CURLOPT_HTTPHEADER, headers_.get());
    last_byte_ = clock::now();
    code_ = curl_easy_perform(easy_.get());
    return code_ == CURLE_OK;
  }

  [[nodiscard]] long status() const {
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    return status;
  }

  [[nodiscard]] const std::string& body() const noexcept { return body_; }

  /// Why there is no usable answer, in a line.
  [[nodiscard]] std::string trouble() const {
    const auto code = status();
    if (code < ok_status)
      return error_.front() != '\0' ? error_.data() : curl_easy_strerror(code_);
    auto out = "HTTP " + std::to_string(code);
    const auto said = nlohmann::json::parse(body_, nullptr, false);
    if (said.is_object())
      for (const auto* name : {"message", "detail", "error", "title"})
        if (const auto it = said.find(name); it != said.end() && it->is_string() && !it->get<std::string>().empty())
          return out + ": " + printable(it->get<std::string>());
    return out;
  }

private:
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t sent) {
    auto& me = *static_cast<request*>(self);
    if (me.on_sent && sent > 0)
      me.on_sent(sent);
    const bool silent =
      me.longest_silence > me.longest_silence.zero() && clock::now() - me.last_byte_ > me.longest_silence;
    return silent || me.stop_.within(milliseconds{0}) ? 1 : 0;
  }

  static std::size_t on_bytes(char* bytes, std::size_t, std::size_t count, void* self) {
    auto& me = *static_cast<request*>(self);
    me.last_byte_ = clock::now();
    const std::string_view part{bytes, count};
    if (me.on_part && me.status() == ok_status)
      return me.on_part(part) ? count : CURL_WRITEFUNC_ERROR;
    me.body_.append(part.substr(0, longest_answer - me.body_.size()));
    return count;
  }

  struct cleanup {
    void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
  };

  interruption& stop_;
  std::unique_ptr<curl_slist, cleanup> headers_;
  std::unique_ptr<CURL, cleanup> easy_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  clock::time_point last_byte_; // of the answer's body
  CURLcode code_ = CURLE_OK;
  std::string body_;
};

using file_ptr = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

std::size_t read_file(char* to, std::size_t size, std::size_t count, void* file) {
  auto* const from = static_cast<std::FILE*>(file);
  const auto n = std::fread(to, 1, size * count, from);
  return n == 0 && std::ferror(from) != 0 ? CURL_READFUNC_ABORT : n;
}

/// The node, and who asks it.
struct node_client {
  std::string url; // without a '/' at its end
  std::string key;
  bool json = false;
  interruption stop = {};

  [[nodiscard]] std::string job_url(const std::string& id) const { return url + "/jobs/" + http::encode(id); }

  void tell_how_to_see(const std::string& id) const {
    complain("the job goes on; to see it: troupe warm --url " + url + " --job " + id);
  }

  /// The job's id; empty: it has been told why there is none.
  std::string upload(const warm_options& options, const file_ptr& file);
  int watch(const std::string& id);

private:
  bool follow(const std::string& id, event_reader& reader, watched_job& job, progress_output& out, int& attempts);
};

std::string node_client::upload(const warm_options& options, const file_ptr& file) {
  const auto name = std::filesystem::path{options.file}.filename().string();
  request r{url + "/warm/upload?library=" + http::encode(options.library) + "&name=" + http::encode(name), key, stop};
  std::array<char, 2> beginning{};
  const auto seen = std::fread(beginning.data(), 1, beginning.size(), file.get());
  const bool packed = is_gzip({beginning.data(), seen});
  std::int64_t size = -1; // what is no file, such as a pipe, has none
  if (struct stat about{}; fstat(fileno(file.get()), &about) == 0 && S_ISREG(about.st_mode))
    size = about.st_size;
  if (size >= 0) {
    std::rewind(file.get());
  } else {
    for (auto i = seen; i > 0; --i)
      std::ungetc(static_cast<unsigned char>(beginning.at(i - 1)), file.get());
    r.add_header("Transfer-Encoding: chunked");
  }
  r.set(CURLOPT_POST, 1L);
  r.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(size));
  r.set(CURLOPT_READFUNCTION, &read_file);
  r.set(CURLOPT_READDATA, static_cast<void*>(file.get()));
  r.set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  r.set(CURLOPT_LOW_SPEED_TIME, silent_upload_s);
  r.add_header(packed ? "Content-Type: application/gzip" : "Content-Type: text/csv");
  progress_output out{true}; // an upload is over soon: nothing to tell a log
  if (out.on_terminal())
    r.on_sent = [&](std::int64_t sent) {
      constexpr std::int64_t all = 100;
      constexpr std::int64_t megabyte = 1'000'000;
      out.show(size > 0 ? "uploading  " + std::to_string(sent * all / size) + " %"
                        : "uploading  " + std::to_string(sent / megabyte) + " MB");
    };
  const bool whole = r.perform();
  out.clear();
  if (stop.seen()) {
    complain("the upload was broken off");
    return {};
  }
  const auto said = nlohmann::json::parse(r.body(), nullptr, false);
  if (whole && r.status() == accepted_status && said.is_object() && said.contains("job_id")
      && said["job_id"].is_string())
    return said["job_id"].get<std::string>();
  complain(options.file + ": " + (r.status() == accepted_status ? url + ": an answer without job_id" : r.trouble()));
  return {};
}

// One connection to the job's events. False: there is no use in another.
bool node_client::follow(
  const std::string& id, event_reader& reader, watched_job& job, progress_output& out, int& attempts) {
  request r{job_url(id) + "/events", key, stop};
  r.add_header("Accept: text/event-stream");
  if (!reader.last_id().empty())
    r.add_header("Last-Event-ID: " + reader.last_id());
  r.longest_silence = silent_stream;
  r.on_part = [&](std::string_view bytes) {
    attempts = 0; // a heartbeat too: a job that waits for its turn has nothing to tell
    const auto read = reader.feed(bytes, [&](const received_event& e) {
      note(job, e.name, e.data);
      if (!job.ended)
        out.show(job);
    });
    return read.has_value() && !job.ended;
  };
  r.perform();
  reader.reconnect();
  if (job.ended || stop.seen())
    return false;
  constexpr long client_errors = 400;
  constexpr long server_errors = 500;
  constexpr long timed_out = 408;
  constexpr long limited = 429;
  const auto status = r.status();
  const bool refused = status >= client_errors && status < server_errors && status != timed_out && status != limited;
  if (status == no_more_status) {
    out.clear();
    complain(job_url(id) + "/events: the job has ended, and there is no more to tell");
    return false;
  }
  if (refused || ++attempts >= most_attempts) {
    out.clear();
    complain(job_url(id) + "/events: " + (status == ok_status ? "the stream ends before the job" : r.trouble()));
    return false;
  }
  return true;
}

int node_client::watch(const std::string& id) {
  event_reader reader;
  watched_job job;
  {
    progress_output out{json};
    int attempts = 0;
    while (follow(id, reader, job, out, attempts)) {
      auto pause = reader.retry().value_or(first_pause);
      for (int i = 1; i < attempts && pause < longest_pause; ++i)
        pause *= 2;
      if (stop.within(std::clamp(pause, milliseconds{0}, longest_pause)))
        break;
    }
  }
  if (!job.ended) {
    if (stop.seen())
      tell_how_to_see(id);
    return stop.seen() ? exit_interrupted : 1;
  }
  std::printf("%s\n", json ? to_json(job, id).c_str() : ending_of(job).c_str());
  return job.succeeded() ? 0 : 1;
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

} // namespace

int run_warm(const warm_options& options) {
  const auto refuse = [](const std::string& why) {
    complain(why);
    return exit_usage;
  };
  if (options.file.empty() == options.job.empty())
    return refuse("expected FILE, the export of a library, or --job ID");
  if (!is_library_name(options.library))
    return refuse("--library: expected 1 to 64 letters, digits, '.', '_' and '-', got \"" + options.library + '"');
  node_client node;
  node.url = options.url;
  while (node.url.ends_with('/'))
    node.url.pop_back();
  if (!(node.url.starts_with("http://") || node.url.starts_with("https://")) || !is_printable(node.url)
      || node.url.find_first_of("?#") != std::string::npos)
    return refuse("--url: expected http://HOST:PORT or https://HOST:PORT, got \"" + printable(options.url) + '"');
  const auto* const of_environment = std::getenv("TROUPE_API_KEY");
  node.key = !options.key.empty() ? options.key : of_environment != nullptr ? of_environment : "";
  if (!is_printable(node.key))
    return refuse("the API key holds a character that no key has");
  node.json = options.json;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  auto id = options.job;
  if (id.empty()) {
    const file_ptr file{std::fopen(options.file.c_str(), "rb"), &std::fclose};
    if (!file)
      return refuse(options.file + ": " + std::strerror(errno));
    if (std::error_code ignored; std::filesystem::is_directory(options.file, ignored))
      return refuse(options.file + ": is a directory");
    id = node.upload(options, file);
    if (id.empty())
      return node.stop.seen() ? exit_interrupted : 1;
    std::printf("%s\n", options.json ? nlohmann::json{{"job_id", id}}.dump().c_str() : printable(id).c_str());
    std::fflush(stdout);
    if (!options.watch)
      return 0;
  }
  return node.watch(id);
}

} // namespace troupe
