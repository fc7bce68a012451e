#include "storage/s3/store.hpp"

#include "storage/digest.hpp"
#include "storage/object_blocks.hpp"
#include "storage/s3/format.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <random>

namespace troupe::storage::s3 {
namespace {

bool is_transient(int status) noexcept {
  return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

bool is_success(const wire_response& r) noexcept {
  return r.end == wire_end::answered && r.status / 100 == 2;
}

void add_conditions(fields& headers, const preconditions& only) {
  const auto quoted = [](const std::string& etag) { return etag == "*" ? etag : "\"" + etag + "\""; };
  if (!only.if_match.empty())
    headers.emplace_back("If-Match", quoted(only.if_match));
  if (!only.if_none_match.empty())
    headers.emplace_back("If-None-Match", quoted(only.if_none_match));
}

bool is_conditional(const preconditions& only) noexcept {
  return !only.if_match.empty() || !only.if_none_match.empty();
}

auto invalid(const std::string& why) {
  return fail(ec::config_invalid, why);
}

/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
bool is_bucket_name(std::string_view name) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; };
  const auto is_end = [](char c) { return c != '-' && c != '.'; };
  return name.size() >= 3 && name.size() <= 63 && std::all_of(name.begin(), name.end(), fits) && is_end(name.front())
         && is_end(name.back()) && name.find("..") == std::string_view::npos;
}

} // namespace

store::store(options settings) : settings_{std::move(settings)}, wire_{settings_.limits} {}

result<std::unique_ptr<store>> store::open(options settings) {
  const auto endpoint = std::string_view{settings.endpoint};
  const auto secure = endpoint.starts_with("https://");
  const auto host = endpoint.substr(std::min<std::size_t>(secure ? 8 : 7, endpoint.size()));
  if ((!secure && !endpoint.starts_with("http://")) || host.empty()
      || host.find_first_of("/?#@ \r\n") != std::string_view::npos)
    return invalid("endpoint: expected http:// or https:// and a host, such as https://s3.example.org");
  if (!is_bucket_name(settings.bucket))
    return invalid("bucket: expected 3 to 63 of a-z, 0-9, - and ., with a letter or digit at both ends");
  if (settings.who.access_key_id.empty() || settings.who.secret_access_key.empty())
    return invalid("credentials: expected an access key id and its secret");
  if (settings.attempts < 1)
    return invalid("attempts: expected 1 or more");
  // curl leaves the scheme's own port out of the Host field, and that field is signed.
  const auto own_port = std::string_view{secure ? ":443" : ":80"};
  auto name = std::string{host.substr(0, host.size() - (host.ends_with(own_port) ? own_port.size() : 0))};
  auto opened = std::unique_ptr<store>{new store{std::move(settings)}};
  opened->scheme_ = secure ? "https://" : "http://";
  opened->host_ = opened->settings_.style == addressing::path ? name : opened->settings_.bucket + "." + name;
  return opened;
}

signed_request store::address(const call& what) const {
  auto out = signed_request{what.method, "/" + what.key, what.query, {{"Host", host_}}};
  if (settings_.style == addressing::path)
    out.path = "/" + settings_.bucket + (what.key.empty() ? "" : "/" + what.key);
  return out;
}

std::string store::url_of(const signed_request& request) const {
  const auto query = query_string(request.query);
  return scheme_ + host_ + uri_encode(request.path, true) + (query.empty() ? "" : "?" + query);
}

wire_response store::once(
  const call& what, std::function<bool(int, const fields&)> on_head, std::function<bool(std::string_view)> on_body) {
  auto request = address(what);
  request.headers.insert(request.headers.end(), what.headers.begin(), what.headers.end());
  const auto hash = what.body.empty() ? std::string{empty_payload} : to_hex(as_text(sha256(what.body)));
  request.headers.emplace_back("X-Amz-Content-Sha256", hash);
  sign_headers(request, hash, settings_.who, settings_.scope, settings_.now_s());
  return wire_.perform({what.method, url_of(request), std::move(request.headers), what.body, what.large,
    std::move(on_body), std::move(on_head)});
}

/// 100 ms, 200 ms, 400 ms ..., at most 5 s, each with full jitter, so that clients do not come back together.
void store::wait_before(int attempt) {
  thread_local auto random = std::minstd_rand{std::random_device{}()};
  const auto longest = std::min(5'000, 100 << std::min(attempt, 10));
  settings_.sleep(std::chrono::milliseconds{std::uniform_int_distribution<int>{longest / 2, longest}(random)});
}

wire_response store::perform(const call& what) {
  for (int attempt = 0;; ++attempt) {
    auto response = once(what);
    const auto again = response.end == wire_end::answered ? is_transient(response.status) : what.repeatable;
    if (!again || attempt + 1 >= settings_.attempts)
      return response;
    wait_before(attempt);
  }
}

error store::error_of(const call& what, const wire_response& response) const {
  const auto where = what.key.empty() ? "bucket " + settings_.bucket : "object " + what.key;
  const auto at = fmt::format("{}: {}{}", where, scheme_, host_);
  if (response.end != wire_end::answered) {
    const auto* unknown = what.repeatable ? "" : "; it is not known whether it was done";
    return {ec::storage_failed, fmt::format("{}: {}{}", at, response.detail, unknown)};
  }
  const auto said = parse_error(response.body);
  const auto words = fmt::format("{} answered {}{}{}", at, response.status, said.code.empty() ? "" : " ", said.code);
  if (said.code == "NoSuchBucket")
    return {ec::storage_unusable, fmt::format("bucket {}: does not exist at {}{}", settings_.bucket, scheme_, host_)};
  if (said.code == "RequestTimeTooSkewed")
    return {ec::storage_unusable, words + ": this machine's clock and the server's differ by more than 15 minutes"};
  if (response.status == 401 || response.status == 403)
    return {ec::storage_unusable, words + ": expected credentials that may do this"};
  if (response.status / 100 == 3)
    return {ec::storage_unusable, words + ": the bucket is elsewhere; expected its own region and endpoint"};
  return {ec::storage_failed, words};
}

result<void> store::create_bucket() {
  const auto made = perform({.method = "PUT", .key = {}});
  // 409: there is one of that name, by some servers' word also when it is ours. Then it is ours if we may look at it.
  if (is_success(made)
      || (made.end == wire_end::answered && made.status == 409 && is_success(perform({.method = "HEAD", .key = {}}))))
    return ok();
  return boost::outcome_v2::failure(error_of({.method = "PUT", .key = {}}, made));
}

result<std::optional<object_info>> store::do_put(
  std::string_view key, const byte_source& source, const put_options& options) {
  auto buffer = std::vector<char>(part_bytes);
  auto filled = fill_from(source, buffer);
  if (!filled)
    return boost::outcome_v2::failure(filled.error());
  if (filled.value() == part_bytes)
    return put_parts(key, buffer, source, options);
  return put_whole(key, {buffer.data(), filled.value()}, options);
}

namespace {

result<void> check_sum(std::string_view expected, const std::string& found, std::int64_t size) {
  auto wanted = std::string{expected};
  std::transform(wanted.begin(), wanted.end(), wanted.begin(),
    [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
  if (wanted.empty() || wanted == found)
    return ok();
  return fail(ec::bad_request, fmt::format("body: expected the SHA-256 {}, got {} of {} bytes", wanted, found, size));
}

object_info stored_info(std::string_view key, std::int64_t size, std::string etag, const put_options& options) {
  auto out = object_info{};
  out.key = key;
  out.size = size;
  out.etag = std::move(etag);
  out.http = options.http;
  out.custom = options.custom;
  std::sort(out.custom.begin(), out.custom.end());
  return out;
}

/// Whether S3 said that a put's condition does not hold: also when somebody else's put was under way, or when there is
/// no object to match.
bool is_unmatched(const wire_response& r, const preconditions& only) {
  return is_conditional(only) && (r.status == 412 || r.status == 409 || (r.status == 404 && !only.if_match.empty()));
}

} // namespace

result<std::optional<object_info>> store::put_whole(
  std::string_view key, std::string_view body, const put_options& options) {
  const auto sum = to_hex(as_text(sha256(body)));
  if (auto fine = check_sum(options.sha256, sum, static_cast<std::int64_t>(body.size())); !fine)
    return boost::outcome_v2::failure(fine.error());
  auto what = call{.method = "PUT", .key = std::string{key}, .headers = to_headers(options), .body = body};
  what.large = body.size() > (1 << 20);
  what.repeatable = !is_conditional(options.only);
  add_conditions(what.headers, options.only);
  const auto done = perform(what);
  if (done.end == wire_end::answered && is_unmatched(done, options.only)
      && parse_error(done.body).code != "NoSuchBucket")
    return std::optional<object_info>{};
  if (!is_success(done))
    return boost::outcome_v2::failure(error_of(what, done));
  auto info = stored_info(key, static_cast<std::int64_t>(body.size()), unquoted(done.header("etag")), options);
  info.sha256 = sum;
  info.modified_ms = settings_.now_s() * 1000; // as near as we know; head has the server's word
  return std::optional{std::move(info)};
}

/// Sends `buffer`, which is full, and all that follows. Part numbers begin at 1.
result<void> store::send_parts(std::string_view key, const std::string& upload, std::vector<char>& buffer,
  const byte_source& source, std::string_view expected_sha256, std::vector<std::string>& etags, std::int64_t& size) {
  auto hash = sha256_hash{};
  auto filled = buffer.size();
  while (filled > 0) {
    const auto part = std::string_view{buffer.data(), filled};
    size += static_cast<std::int64_t>(filled);
    if (size > max_object_bytes)
      return fail(ec::bad_request, fmt::format("body: expected at most {} bytes", max_object_bytes));
    hash.update(part);
    const auto what = call{.method = "PUT",
      .key = std::string{key},
      .query = {{"partNumber", std::to_string(etags.size() + 1)}, {"uploadId", upload}},
      .body = part,
      .large = true};
    const auto done = perform(what);
    if (!is_success(done))
      return boost::outcome_v2::failure(error_of(what, done));
    etags.push_back(unquoted(done.header("etag")));
    auto next = filled == buffer.size() ? fill_from(source, buffer) : result<std::size_t>{std::size_t{0}};
    if (!next)
      return boost::outcome_v2::failure(next.error());
    filled = next.value();
  }
  return check_sum(expected_sha256, to_hex(as_text(hash.finish())), size);
}

result<std::optional<object_info>> store::put_parts(
  std::string_view key, std::vector<char>& first, const byte_source& source, const put_options& options) {
  const auto begin =
    call{.method = "POST", .key = std::string{key}, .query = {{"uploads", ""}}, .headers = to_headers(options)};
  const auto begun = perform(begin);
  const auto upload = is_success(begun) ? root_text(begun.body, "UploadId") : std::string{};
  if (upload.empty())
    return boost::outcome_v2::failure(error_of(begin, begun));
  // Parts that belong to nothing cost money until somebody removes them.
  const auto abort = [&] {
    static_cast<void>(perform({.method = "DELETE", .key = std::string{key}, .query = {{"uploadId", upload}}}));
  };
  auto etags = std::vector<std::string>{};
  std::int64_t size = 0;
  if (auto sent = send_parts(key, upload, first, source, options.sha256, etags, size); !sent) {
    abort();
    return boost::outcome_v2::failure(sent.error());
  }
  const auto list = complete_upload(etags);
  auto finish = call{.method = "POST",
    .key = std::string{key},
    .query = {{"uploadId", upload}},
    .headers = {{"Content-Type", "application/xml"}},
    .body = list,
    .repeatable = false};
  add_conditions(finish.headers, options.only);
  auto done = perform(finish);
  // S3 begins its answer before it is done, and may end a 200 with an error.
  const auto late = parse_error(done.body);
  if (done.end == wire_end::answered && is_unmatched(done, options.only) && late.code != "NoSuchUpload") {
    abort();
    return std::optional<object_info>{};
  }
  const auto etag = unquoted(root_text(done.body, "ETag"));
  if (!is_success(done) || !late.code.empty() || etag.empty()) {
    if (done.end == wire_end::answered)
      abort();
    return boost::outcome_v2::failure(error_of(finish, done));
  }
  auto info = stored_info(key, size, etag, options);
  info.modified_ms = settings_.now_s() * 1000;
  return std::optional{std::move(info)};
}

result<fetched> store::do_get(std::string_view key, const byte_sink& sink, const get_options& options) {
  auto object = std::optional<object_info>{};
  auto wanted = byte_extent{};
  std::int64_t given = 0;
  auto refused = std::optional<error>{};
  for (int attempt = 0;; ++attempt) {
    auto what = call{.method = "GET", .key = std::string{key}, .large = true};
    auto only = options.only;
    if (object) { // go on with the same object where the connection broke
      only = {.if_match = object->etag};
      what.headers.emplace_back(
        "Range", fmt::format("bytes={}-{}", wanted.first + given, wanted.first + wanted.count - 1));
    } else if (options.range.first > 0 || options.range.count >= 0) {
      what.headers.emplace_back(
        "Range", fmt::format("bytes={}-{}", options.range.first,
                   options.range.count < 0 ? "" : std::to_string(options.range.first + options.range.count - 1)));
    }
    add_conditions(what.headers, only);
    const auto before = given;
    std::int64_t skip = 0; // what a server sends that ignores a range or begins it too early
    const auto on_head = [&](int status, const fields& headers) {
      auto info = from_headers(key, headers);
      const auto it =
        std::find_if(headers.begin(), headers.end(), [](const auto& each) { return each.first == "content-range"; });
      const auto sent = it != headers.end() ? parse_content_range(it->second) : std::nullopt;
      if (!object) {
        auto extent = extent_of(options.range, info.size);
        if (!extent) {
          refused = extent.error();
          return false;
        }
        wanted = extent.value();
        object = std::move(info);
      }
      skip = wanted.first + given - (status == 206 && sent ? sent->first : 0);
      return skip >= 0;
    };
    auto stopped = false;
    const auto on_body = [&](std::string_view bytes) {
      const auto dropped = std::min(bytes.size(), static_cast<std::size_t>(skip));
      skip -= static_cast<std::int64_t>(dropped);
      bytes.remove_prefix(dropped);
      const auto left = static_cast<std::size_t>(wanted.count - given);
      const auto too_many = bytes.size() > left;
      bytes = bytes.substr(0, left);
      if (bytes.empty() && wanted.count > 0)
        return !too_many;
      given += static_cast<std::int64_t>(bytes.size());
      stopped = !sink(*object, bytes);
      return !stopped && !too_many;
    };
    const auto response = once(what, on_head, on_body);
    if (refused)
      return boost::outcome_v2::failure(*refused);
    if (stopped)
      return fetched{fetch::stopped, std::move(*object)};
    if (object && given == wanted.count && response.end != wire_end::timed_out)
      return fetched{fetch::complete, std::move(*object)};
    if (response.end == wire_end::answered) {
      const auto said = parse_error(response.body);
      if (response.status == 404 && said.code != "NoSuchBucket" && !object)
        return fetched{};
      if ((response.status == 304 || response.status == 412) && !object) {
        auto found = do_head(key); // a 412 says nothing of the object
        if (!found)
          return boost::outcome_v2::failure(found.error());
        return found.value() ? fetched{fetch::unmatched, std::move(*found.value())} : fetched{};
      }
      if (response.status == 416 && !object) {
        auto found = do_head(key);
        if (!found)
          return boost::outcome_v2::failure(found.error());
        if (!found.value())
          return fetched{};
        if (auto extent = extent_of(options.range, found.value()->size); !extent)
          return boost::outcome_v2::failure(extent.error());
      }
      if (object && (response.status == 412 || response.status == 404))
        return fail(ec::storage_failed,
          fmt::format("object {}: was replaced while it was read, after {} of {} bytes", key, given, wanted.count));
      if (!is_transient(response.status) && !is_success(response))
        return boost::outcome_v2::failure(error_of(what, response));
    }
    if (given > before)
      attempt = 0; // only attempts that bring nothing count
    if (attempt + 1 >= settings_.attempts)
      return boost::outcome_v2::failure(error_of(what, response));
    wait_before(attempt);
  }
}

result<std::optional<object_info>> store::do_head(std::string_view key) {
  const auto what = call{.method = "HEAD", .key = std::string{key}};
  const auto done = perform(what);
  if (done.end == wire_end::answered && done.status == 404)
    return std::optional<object_info>{};
  if (!is_success(done))
    return boost::outcome_v2::failure(error_of(what, done));
  return std::optional{from_headers(key, done.headers)};
}

result<void> store::do_remove(std::string_view key) {
  const auto what = call{.method = "DELETE", .key = std::string{key}};
  const auto done = perform(what);
  if (is_success(done) || parse_error(done.body).code == "NoSuchKey")
    return ok();
  return boost::outcome_v2::failure(error_of(what, done));
}

result<object_list> store::do_list(const list_options& options) {
  auto what = call{.method = "GET", .key = {}, .query = {{"list-type", "2"}, {"encoding-type", "url"}}};
  what.query.emplace_back("max-keys", std::to_string(options.limit));
  for (const auto& [name, value] :
    {std::pair{"prefix", &options.prefix}, {"delimiter", &options.delimiter}, {"continuation-token", &options.cursor}})
    if (!value->empty())
      what.query.emplace_back(name, *value);
  const auto done = perform(what);
  if (done.end == wire_end::answered && done.status == 400 && !options.cursor.empty())
    return fail(ec::bad_request, "cursor: expected one that a list has given");
  if (!is_success(done))
    return boost::outcome_v2::failure(error_of(what, done));
  auto page = parse_list(done.body);
  if (!page)
    return fail(
      ec::storage_failed, fmt::format("bucket {}: {}{} answered 200 without a list", settings_.bucket, scheme_, host_));
  return std::move(*page);
}

result<std::string> store::do_presign(presign_method method, std::string_view key, std::chrono::seconds expires) {
  auto request = address({.method = method == presign_method::get ? "GET" : "PUT", .key = std::string{key}});
  sign_query(request, unsigned_payload, expires, settings_.who, settings_.scope, settings_.now_s());
  return url_of(request);
}

} // namespace troupe::storage::s3
