#include "apps/warmer/upload.hpp"

#include "apps/books/utf8.hpp"
#include "apps/bridge/visits.hpp"
#include "apps/http/negotiate.hpp"
#include "apps/http/uri.hpp"
#include "apps/query/parameters.hpp"
#include "apps/warmer/watched_job.hpp"
#include "storage/digest.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

namespace troupe {
namespace {

using http::body_end;

constexpr std::string_view path = "/warm/upload";
constexpr std::string_view form_type = "multipart/form-data";
constexpr std::string_view unknown_type = "application/octet-stream";
constexpr std::string_view gzip_type = "application/gzip";
constexpr std::array<std::string_view, 5> file_types{
  "text/csv", "text/plain", "text/tab-separated-values", unknown_type, gzip_type};

constexpr std::size_t key_bytes = 16; // 128 bits: nobody guesses one
constexpr std::size_t longest_file_name = 255;
constexpr auto come_again = std::chrono::seconds{5};

/// As one of ours, without parameters; empty: another.
std::string_view known_type(std::string_view content_type) {
  const auto* found = std::find_if(file_types.begin(), file_types.end(),
    [&](std::string_view type) { return http::is_media_type(content_type, type); });
  return found == file_types.end() ? std::string_view{} : *found;
}

constexpr std::string_view failed_as = "Upload failed";

void refuse_type(visit& v, std::string_view field, std::string_view expected, const std::string& message) {
  append_field(v.head, field, expected); // RFC 9110 15.5.16: what it would have taken
  refuse(v, 415, "Unsupported media type", message);
}

/// Whether the request's Content-Encoding is gzip; none when it is one that nobody here reads.
std::optional<bool> is_encoded(const http::request& request) {
  const auto coding = request.joined("Content-Encoding");
  const auto is = [&](std::string_view name) { return http::is_media_type(coding, name); };
  if (coding.empty() || is("identity"))
    return false;
  return is("gzip") || is("x-gzip") ? std::optional{true} : std::nullopt;
}

/// What is noted of a body that ended so: what the server has answered by itself, or that nobody waits any more.
int status_of(body_end how) {
  switch (how) {
  case body_end::too_large:
    return 413;
  case body_end::too_slow:
    return 408;
  case body_end::malformed:
    return 400;
  case body_end::complete:
  case body_end::gone:
    break;
  }
  return info(ec::cancelled).http_status;
}

/// Whether it may have been carried out all the same.
bool is_unknown(const result<std::string>& job) {
  if (job)
    return false;
  const auto code = job.error().code;
  return code == ec::storage_failed || code == ec::storage_unusable || code == ec::deadline_exceeded
         || code == ec::cancelled || code == ec::internal;
}

/// The word of whoever makes jobs, which is waited for.
class verdict_slot {
public:
  /// @return by what number the next word counts; none that was asked for before does any more
  std::uint64_t ask() {
    const std::lock_guard guard{mutex_};
    job_.reset();
    return ++asked_;
  }
  void settle(std::uint64_t asked, result<std::string> job) {
    {
      const std::lock_guard guard{mutex_};
      if (asked == asked_ && !job_)
        job_.emplace(std::move(job));
    }
    settled_.notify_all();
  }
  /// Nobody waits any more.
  void abandon() {
    {
      const std::lock_guard guard{mutex_};
      abandoned_ = true;
    }
    settled_.notify_all();
  }
  /// None: it was abandoned before.
  std::optional<result<std::string>> wait() {
    std::unique_lock lock{mutex_};
    settled_.wait(lock, [this] { return job_.has_value() || abandoned_; });
    return job_;
  }

private:
  std::mutex mutex_;
  std::condition_variable settled_;
  std::optional<result<std::string>> job_;
  std::uint64_t asked_ = 0;
  bool abandoned_ = false;
};

auto shutting_down() {
  return fail(ec::overloaded, "shutting down");
}

} // namespace

std::string plain_file_name(std::string_view name) {
  if (const auto folder = name.find_last_of("/\\"); folder != std::string_view::npos)
    name.remove_prefix(folder + 1);
  std::string out;
  for (std::size_t at = 0; at < name.size();) {
    const auto point = books::utf8::next(name, at);
    if (is_control(point))
      continue;
    std::string one;
    books::utf8::append(one, point); // what is ill-formed becomes U+FFFD
    if (out.size() + one.size() > longest_file_name)
      break;
    out += one;
  }
  const auto begin = out.find_first_not_of(' ');
  return begin == std::string::npos ? std::string{} : out.substr(begin, out.find_last_not_of(' ') + 1 - begin);
}

struct upload_desk::ticket {
  visit v;
  std::shared_ptr<upload_body> body;
  std::string library; // of the query; empty: it does not say
  std::string name;    // likewise
  std::string_view type;
  bool encoded = false; // by Content-Encoding
  enum class stage : std::uint8_t { waiting, storing, over };
  stage at = stage::waiting; // for the first bytes of the file; guarded by the desk's mutex
  std::size_t bucket = 0;    // while storing
  std::shared_ptr<verdict_slot> job = std::make_shared<verdict_slot>();
};

upload_desk::upload_desk(upload_settings settings) : settings_{std::move(settings)} {
  for (std::size_t i = 0; i < settings_.buckets.size(); ++i)
    free_.push_back(i);
}

upload_desk::~upload_desk() {
  stop();
}

void upload_desk::stop() {
  std::vector<ticket_ptr> waiting;
  {
    const std::lock_guard guard{mutex_};
    stopping_ = true;
    for (const auto& t : under_way_) {
      t->body->stop(shutting_down().error());
      t->job->abandon();
      if (t->at == ticket::stage::waiting) {
        t->at = ticket::stage::over;
        waiting.push_back(t);
      }
    }
  }
  for (const auto& t : waiting) {
    answer(*t, shutting_down());
    leave(t);
  }
  std::unique_lock lock{mutex_};
  left_.wait(lock, [this] { return under_way_.empty(); });
}

metrics upload_desk::counters() const {
  const std::lock_guard guard{mutex_};
  return {{"troupe_uploads_held_bytes", {}, false, held_.now()},
    {"troupe_uploads_under_way", {}, false, static_cast<std::int64_t>(under_way_.size())}};
}

void upload_desk::receive(visit v) {
  const auto& request = v.exchange.request();
  const auto t = std::make_shared<ticket>();
  auto query = http::parse_query(request.query);
  if (!query)
    return refuse(v, query.error(), failed_as);
  if (const auto* library = find_parameter(query.value(), "library")) {
    auto checked = checked_library_name(*library);
    if (!checked)
      return refuse(v, checked.error(), failed_as);
    t->library = std::move(checked.value());
  }
  t->name = parameter_of(query.value(), "name");
  const auto content_type = request.value("Content-Type");
  std::string boundary;
  if (http::is_media_type(content_type, form_type)) {
    auto found = http::multipart_boundary(content_type);
    if (!found)
      return refuse(v, found.error(), failed_as);
    boundary = std::move(found.value());
  } else {
    t->type = content_type.empty() ? unknown_type : known_type(content_type);
    if (t->type.empty())
      return refuse_type(v, "Accept",
        "text/csv, text/plain, text/tab-separated-values, application/octet-stream, application/gzip, "
        "multipart/form-data",
        "Content-Type: expected text/csv, text/plain, text/tab-separated-values, application/octet-stream, "
        "application/gzip or multipart/form-data");
  }
  const auto encoded = is_encoded(request);
  if (!encoded || (*encoded && !boundary.empty()))
    return refuse_type(v, "Accept-Encoding", boundary.empty() ? "gzip, identity" : "identity",
      boundary.empty() ? "Content-Encoding: expected gzip or none"
                       : "Content-Encoding: expected none for a form; the file in it may be gzip");
  t->encoded = *encoded;

  std::unique_lock lock{mutex_};
  if (stopping_ || free_.empty()) {
    const auto* const why = stopping_ ? "shutting down" : "too many uploads at once";
    lock.unlock();
    return refuse(v, 503, std::string{failed_as}, why, come_again);
  }
  const auto of_client = std::count_if(under_way_.begin(), under_way_.end(),
    [&](const ticket_ptr& other) { return other->at != ticket::stage::over && other->v.client == v.client; });
  if (static_cast<std::size_t>(of_client) >= uploads_of_a_client) {
    lock.unlock();
    return refuse(v, 429, std::string{failed_as},
      std::to_string(uploads_of_a_client) + " uploads of this client are under way", come_again);
  }
  t->body = std::make_shared<upload_body>(held_, boundary);
  t->body->when_ready([this, weak = std::weak_ptr{t}] {
    if (const auto there = weak.lock())
      begin(there);
  });
  t->body->begin(v.exchange.take_body(t->body));
  t->v = std::move(v);
  under_way_.push_back(t);
}

// The file's first bytes are here, or it is known that none will come. On an I/O thread.
void upload_desk::begin(const ticket_ptr& t) {
  const auto file = t->body->wait_for_file();
  auto why = file ? error{ec::overloaded, "too many uploads at once"} : file.error();
  {
    const std::lock_guard guard{mutex_};
    if (t->at != ticket::stage::waiting)
      return; // stop() has answered
    t->at = ticket::stage::over;
    if (file && !free_.empty())
      try {
        t->bucket = free_.back();
        threads_.run([this, t] { serve(t); });
        t->at = ticket::stage::storing;
        free_.pop_back();
        return;
      } catch (const std::system_error& no_thread) {
        why.message = no_thread.what();
      }
  }
  answer(*t, boost::outcome_v2::failure(std::move(why)));
  leave(t);
}

void upload_desk::serve(const ticket_ptr& t) {
  const auto job = carry_out(*t);
  {
    // Before the answer: who has it may come with the next at once.
    const std::lock_guard guard{mutex_};
    t->at = ticket::stage::over;
    free_.push_back(t->bucket);
  }
  answer(*t, job);
  leave(t);
}

void upload_desk::answer(ticket& t, const result<std::string>& job) {
  auto& v = t.v;
  const auto ended = t.body->ended();
  if (job) {
    append_field(v.head, "Location", "/jobs/" + job.value());
    respond(v, 202, nlohmann::json{{"job_id", job.value()}}.dump(), "application/json");
  } else if (ended && *ended != body_end::complete) {
    v.reply(v.exchange, {status_of(*ended), std::move(v.head), {}}); // sends nothing: for the counters and the log
  } else {
    refuse(v, info(job.error().code).http_status, job.error(), failed_as, come_again);
  }
}

// Behind the answer: whoever waits in stop() lets the bridge go.
void upload_desk::leave(const ticket_ptr& t) {
  const std::lock_guard guard{mutex_};
  under_way_.erase(std::find(under_way_.begin(), under_way_.end(), t));
  left_.notify_all();
}

result<std::string> upload_desk::carry_out(ticket& t) {
  const auto stored = store(t);
  if (!stored)
    return stored.as_failure();
  auto job = submit(t, stored.value());
  if (job && is_unknown(*job))
    job = submit(t, stored.value());
  if (!job)
    return shutting_down();
  if (is_unknown(*job))
    settings_.log->warn(
      "Nobody knows whether there is a job of the upload {}: it is kept. {}", stored.value().key, job->error().message);
  else if (!*job)
    remove(t, stored.value().key);
  return *job;
}

result<stored_upload> upload_desk::store(ticket& t) {
  auto file = t.body->wait_for_file();
  if (!file)
    return file.as_failure();
  auto& f = file.value();
  if (!t.library.empty() && !f.library.empty() && t.library != f.library)
    return fail(ec::bad_request, "library: the form and the address say two names");
  if (t.encoded && !f.gzip)
    return fail(ec::bad_request, "Content-Encoding: gzip, but the body does not begin as gzip does");
  stored_upload out;
  out.key = "uploads/" + storage::random_name(key_bytes);
  out.library = !t.library.empty() ? t.library : !f.library.empty() ? f.library : "default";
  out.file_name = plain_file_name(t.name.empty() ? f.name : t.name);
  storage::put_options options;
  const auto type = t.type.empty() ? known_type(f.type) : t.type;
  options.http.content_type = f.gzip && !t.encoded ? gzip_type : type.empty() ? unknown_type : type;
  options.http.content_encoding = t.encoded ? "gzip" : "";
  options.custom = {{"file-name", out.file_name}, {"library", out.library}};
  auto& bucket = *settings_.buckets[t.bucket];
  auto put = bucket.put(
    out.key, [&](std::span<char> buffer) { return t.body->read(buffer); }, options);
  if (!put) {
    // An error of ours came before the end, and a put without an end changes nothing; one of storage's may have come
    // after it was carried out.
    if (put.error().code == ec::storage_failed || put.error().code == ec::storage_unusable)
      remove(t, out.key);
    return put.as_failure();
  }
  out.bytes = put.value() ? put.value()->size : 0;
  return out;
}

std::optional<result<std::string>> upload_desk::submit(ticket& t, const stored_upload& what) {
  const auto asked = t.job->ask();
  // Dropped without a word is an error too.
  std::shared_ptr<void> unless_dropped{nullptr,
    [job = t.job, asked](void*) { job->settle(asked, fail(ec::internal, "nobody has made a job of the upload")); }};
  settings_.submit(what, [job = t.job, asked, unless_dropped = std::move(unless_dropped)](
                           result<std::string> made) { job->settle(asked, std::move(made)); });
  return t.job->wait();
}

void upload_desk::remove(ticket& t, const std::string& key) {
  if (const auto gone = settings_.buckets[t.bucket]->remove(key); !gone)
    settings_.log->warn("An upload that failed may be left behind: {}", gone.error().message);
}

resource upload_resource(
  std::shared_ptr<upload_desk> desk, std::size_t max_bytes, client_quota quota, route_edge edge) {
  resource r;
  r.name = "warm_upload";
  r.grant = "warm";
  r.pattern = path;
  r.failure = "Upload failed";
  r.quota = quota;
  r.edge = std::move(edge);
  r.methods = {"POST"};
  r.max_body = max_bytes;
  r.streams = true;
  r.handle = [desk = std::move(desk)](visit v) { desk->receive(std::move(v)); };
  return r;
}

} // namespace troupe
