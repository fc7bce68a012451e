#include "apps/replay/replay_handler.hpp"

#include "apps/replay/json_text.hpp"

#include <algorithm>

namespace troupe::replay {

namespace {

constexpr std::size_t max_control_body = 16 << 10; // a fault is a line
constexpr std::size_t max_call_body = 8 << 20;     // what a model's API takes, by far

/// A hung call ends when its client leaves; this only bounds what a client can hold that never does.
constexpr std::chrono::hours longest_hang{1};

constexpr std::string_view html_page =
  "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Sorry...</title></head>\n"
  "<body><h1>We're sorry...</h1><p>... but your computer or network may be sending automated queries. To protect our "
  "users, we can't process your request right now.</p></body></html>\n";

http::response json_response(int status, std::string body) {
  http::response out;
  out.status = status;
  out.head = "Content-Type: application/json\r\n";
  out.body = blob{std::move(body)};
  return out;
}

http::response to_response(reply r) {
  http::response out;
  out.status = r.status;
  out.head = "Content-Type: " + r.content_type + "\r\n";
  out.body = std::move(r.body);
  return out;
}

http::response not_allowed(std::string_view allowed) {
  auto out = http::json_error(405, "Method Not Allowed");
  out.head += "Allow: " + std::string{allowed} + "\r\n";
  return out;
}

/// Half of the body under the length of the whole.
http::response cut_off(http::response whole) {
  const auto body = whole.body.view();
  whole.declared_length = static_cast<std::int64_t>(std::max<std::size_t>(body.size(), 1));
  whole.body = blob{std::string{body.substr(0, body.size() / 2)}};
  whole.close = true;
  return whole;
}

/// The body without its last third: no JSON value but a number survives that.
http::response mangled(http::response whole) {
  const auto body = whole.body.view();
  const auto cut = std::min(body.size(), std::max<std::size_t>(body.size() / 3, 1));
  whole.body = blob{std::string{body.substr(0, body.size() - cut)}};
  return whole;
}

http::response error_response(const fault& f, std::string_view provider, int status) {
  auto out = json_response(status, error_body(provider, status));
  if (f.retry_after_s)
    out.head += "Retry-After: " + std::to_string(*f.retry_after_s) + "\r\n";
  return out;
}

http::response html_response(int status) {
  http::response out;
  out.status = status;
  out.head = "Content-Type: text/html; charset=UTF-8\r\n";
  out.body = blob{std::string{html_page}};
  return out;
}

/// What the log says of a verdict.
std::string_view label(const verdict& v, std::string& memory) {
  if (!v.broken)
    return v.delayed ? "latency" : "";
  const auto kind = to_string(v.broken->kind);
  if (!v.delayed)
    return kind;
  memory = "latency+" + std::string{kind};
  return memory;
}

} // namespace

replay_handler::replay_handler(std::optional<manifest> recordings, std::optional<catalogue> books, fault_table faults)
    : recordings_{std::move(recordings)}, shelf_{books ? std::make_unique<const shelf>(std::move(*books)) : nullptr},
      faults_{std::move(faults)} {}

std::size_t replay_handler::max_body(const http::request& r) const {
  return r.path.starts_with("/__replay/") ? max_control_body : max_call_body;
}

void replay_handler::handle(http::exchange e) {
  if (e.request().path.starts_with("/__replay/"))
    return e.answer(control(e.request()));
  const auto provider = provider_of(e.request().path);
  auto v = admit(e.request(), provider);
  if (v.delay_ms == 0)
    return finish(std::move(e), provider, v.broken);
  std::move(e).after(
    std::chrono::milliseconds{v.delay_ms}, [this, provider, broken = std::move(v.broken)](
                                             http::exchange later) { finish(std::move(later), provider, broken); });
}

http::response replay_handler::control(const http::request& r) {
  const bool get = r.method == "GET" || r.method == "HEAD";
  const std::lock_guard lock{mutex_};
  if (r.path == "/__replay/faults") {
    if (r.method == "PUT") {
      auto parsed = parse_fault(r.body);
      if (!parsed)
        return http::json_error(400, parsed.error().message);
      faults_.set(std::move(parsed.value()));
    } else if (r.method == "DELETE") {
      faults_.clear();
    } else if (!get) {
      return not_allowed("GET, HEAD, PUT, DELETE");
    }
    return json_response(200, faults_.to_json());
  }
  if (r.path == "/__replay/stats") {
    if (r.method == "DELETE")
      log_.clear();
    else if (!get)
      return not_allowed("GET, HEAD, DELETE");
    return json_response(200, log_.to_json());
  }
  return http::json_error(404, "expected /__replay/faults or /__replay/stats");
}

verdict replay_handler::admit(const http::request& r, std::string_view provider) {
  using namespace std::chrono;
  const auto since_start = duration_cast<microseconds>(steady_clock::now() - start_).count();
  const auto epoch = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  std::string memory;
  const std::lock_guard lock{mutex_};
  auto v = faults_.judge(provider, r.path);
  log_.add(since_start, epoch, provider, r.method, r.target, label(v, memory));
  return v;
}

reply replay_handler::answer(const http::request& r, std::string_view provider) const {
  const auto decoded = make_call(r.method, r.path, r.query);
  if (!decoded)
    return {400, "application/json", blob{error_body(provider, 400)}};
  const auto& c = decoded.value();
  if (recordings_)
    if (const auto* found = recordings_->find(c))
      return found->answer;
  if (shelf_) {
    if (auto found = shelf_->google.answer(c))
      return std::move(*found);
    if (auto found = shelf_->library.answer(c))
      return std::move(*found);
    if (auto found = shelf_->isbn_database.answer(c))
      return std::move(*found);
  }
  return {404, "application/json", blob{error_body(provider, 404)}};
}

void replay_handler::finish(http::exchange e, std::string_view provider, const std::optional<fault>& broken) const {
  if (!broken)
    return e.answer(to_response(answer(e.request(), provider)));
  switch (broken->kind) {
  case fault_kind::hang:
    return std::move(e).after(longest_hang, [](http::exchange gone) { gone.reset(); });
  case fault_kind::reset:
    return e.reset();
  case fault_kind::status:
    return e.answer(error_response(*broken, provider, broken->status));
  case fault_kind::rate_limited:
    return e.answer(error_response(*broken, provider, 429));
  case fault_kind::html:
    return e.answer(html_response(broken->status));
  case fault_kind::truncate:
    return e.answer(cut_off(to_response(answer(e.request(), provider))));
  case fault_kind::malformed:
    return e.answer(mangled(to_response(answer(e.request(), provider))));
  case fault_kind::latency:
    break; // is never in `broken`
  }
  e.answer(to_response(answer(e.request(), provider)));
}

} // namespace troupe::replay
