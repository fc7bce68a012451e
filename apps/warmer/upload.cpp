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

void refuse_failed(visit& v, const error& e) {
  // What storage says names folders and hosts: that is for the log.
  const bool ours = e.code == ec::storage_failed || e.code == ec::storage_unusable || e.code == ec::internal;
  refuse(v, info(e.code).http_status, error{e.code, ours ? "the upload could not be stored" : e.message}, failed_as,
    come_again);
}

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

/// The status of an answer that the server has given by itself; 0: none, the client has gone.
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
  return 0;
}

/// The word of whoever makes jobs, which is waited for.
class verdict_slot {
public:
  void settle(result<std::string> job) {
    {
      const std::lock_guard guard{mutex_};
      if (!job_)
        job_.emplace(std::move(job));
    }
    settled_.notify_all();
  }
  result<std::string> wait() {
    std::unique_lock lock{mutex_};
    settled_.wait(lock, [this] { return job_.has_value(); });
    return *job_;
  }

private:
  std::mutex mutex_;
  std::condition_variable settled_;
  std::optional<result<std::string>> job_;
};

/// As stop() ends it: the one failure of a submission after which nobody knows whether there is a job.
constexpr std::string_view shutting_down = "shutting down";

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
  std::size_t bucket = 0;
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
  std::unique_lock lock{mutex_};
  stopping_ = true;
  for (const auto& t : under_way_) {
    t->body->stop({ec::overloaded, std::string{shutting_down}});
    t->job->settle(fail(ec::overloaded, std::string{shutting_down}));
  }
  left_.wait(lock, [this] { return under_way_.empty(); });
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
    const std::string why{stopping_ ? shutting_down : "too many uploads at once"};
    lock.unlock();
    return refuse(v, 503, std::string{failed_as}, why, come_again);
  }
  t->bucket = free_.back();
  t->body = std::make_shared<upload_body>(held_, boundary);
  t->body->begin(v.exchange.take_body(t->body));
  t->v = std::move(v);
  threads_.run([this, t] { serve(t); });
  free_.pop_back();
  under_way_.push_back(t);
}

void upload_desk::serve(const ticket_ptr& t) {
  const auto job = carry_out(*t);
  {
    // Before the answer: who has it may come with the next at once.
    const std::lock_guard guard{mutex_};
    free_.push_back(t->bucket);
  }
  auto& v = t->v;
  const auto answered = t->body->ended() ? status_of(*t->body->ended()) : 0;
  if (job) {
    append_field(v.head, "Location", "/jobs/" + job.value());
    respond(v, 202, nlohmann::json{{"job_id", job.value()}}.dump(), "application/json");
  } else if (answered != 0) {
    v.reply(v.exchange, {answered, std::move(v.head), {}}); // nothing is sent: this is for the counters and the log
  } else if (t->body->ended() == body_end::gone) {
    v.exchange = {};
  } else {
    const auto& e = job.error();
    if (info(e.code).http_status >= 500 && e.message != shutting_down)
      settings_.log->warn("An upload failed: {}", e.message);
    refuse_failed(v, e);
  }
  // Behind the answer: whoever waits in stop() lets the bridge go.
  const std::lock_guard guard{mutex_};
  under_way_.erase(std::find(under_way_.begin(), under_way_.end(), t));
  left_.notify_all();
}

result<std::string> upload_desk::carry_out(ticket& t) {
  const auto stored = store(t);
  if (!stored)
    return stored.as_failure();
  auto job = submit(t, stored.value());
  if (!job && job.error().message != shutting_down)
    remove(t, stored.value().key);
  return job;
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

result<std::string> upload_desk::submit(ticket& t, const stored_upload& what) {
  // Dropped without a word is an error too.
  std::shared_ptr<void> unless_dropped{
    nullptr, [job = t.job](void*) { job->settle(fail(ec::internal, "nobody has made a job of the upload")); }};
  settings_.submit(what, [job = t.job, unless_dropped = std::move(unless_dropped)](
                           result<std::string> made) { job->settle(std::move(made)); });
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
