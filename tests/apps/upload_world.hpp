// A bridge with nothing but the upload, on a real socket, over buckets of files.
#pragma once

#include "apps/warmer/upload.hpp"
#include "storage/digest.hpp"
#include "tests/http/fixture.hpp"
#include "tests/support/objects.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/sinks/null_sink.h>

#include <atomic>
#include <filesystem>
#include <limits>

namespace troupe::test {

/// A bucket that takes so many bytes and then fails, or fails at the end.
class failing_bucket final : public storage::objects {
public:
  failing_bucket(std::int64_t after, std::atomic<int>& removed) : after_{after}, removed_{removed} {}

private:
  result<std::optional<storage::object_info>> do_put(
    std::string_view, const storage::byte_source& source, const storage::put_options&) override {
    std::array<char, 16> buffer{};
    for (std::int64_t taken = 0; taken < after_;) {
      const auto got = source(buffer);
      if (!got)
        return got.as_failure();
      if (got.value() == 0)
        break;
      taken += static_cast<std::int64_t>(got.value());
    }
    return fail(ec::storage_failed, "/secret/place: no space left on device");
  }
  result<storage::fetched> do_get(std::string_view, const storage::byte_sink&, const storage::get_options&) override {
    return storage::fetched{};
  }
  result<std::optional<storage::object_info>> do_head(std::string_view) override {
    return std::optional<storage::object_info>{};
  }
  result<void> do_remove(std::string_view) override {
    ++removed_;
    return ok();
  }
  result<storage::object_list> do_list(const storage::list_options&) override { return storage::object_list{}; }

  std::int64_t after_;
  std::atomic<int>& removed_;
};

/// Set what a test needs, then start(). The desk stops before the server goes, and that before the bridge.
struct upload_world {
  std::size_t max_bytes = 1'000'000;
  client_quota quota{1'000'000, std::chrono::seconds{1}};
  bool key_required = false;
  std::int64_t failing_after = -1; // bytes, of every bucket; -1: none fails
  http::limits limits;

  temp_directory dir;
  mailbox<stored_upload> submitted;
  std::atomic<int> submissions{0};
  std::atomic<int> removed{0};
  std::function<void(const stored_upload&, std::function<void(result<std::string>)>)> on_submit =
    [this](const stored_upload& what, const auto& done) {
      submitted.put(what);
      done("job-1");
    };
  std::unique_ptr<storage::objects> look; // the test's own
  std::shared_ptr<upload_desk> desk;
  std::unique_ptr<bridge> routes;
  std::optional<http::server> server;

  ~upload_world() { stop(); }

  void start() {
    const auto log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
    upload_settings u;
    for (std::size_t i = 0; i < uploads_at_once; ++i)
      if (failing_after >= 0)
        u.buckets.push_back(std::make_shared<failing_bucket>(failing_after, removed));
      else
        u.buckets.push_back(open_files(dir.file("objects")));
    look = open_files(dir.file("objects"));
    u.submit = [this](const stored_upload& what, std::function<void(result<std::string>)> done) {
      ++submissions;
      on_submit(what, std::move(done));
    };
    u.log = log;
    desk = std::make_shared<upload_desk>(std::move(u));
    bridge_settings b;
    b.resources = {upload_resource(desk, max_bytes, quota, {key_required})};
    b.log = log;
    b.trusted_proxies = address_ranges{{"127.0.0.1"}}; // X-Forwarded-For says who asks
    b.keys = std::make_shared<const api_keys>(
      std::vector<key_entry>{{"one", digest_of("secret"), {"warm"}, std::nullopt}}, nullptr);
    b.server_counters = [] { return http::counters{}; };
    auto made = bridge::make(std::move(b), {});
    if (!made)
      throw std::runtime_error{made.error().message};
    routes = std::move(made.value());
    auto started = http::server::start("127.0.0.1", 0, 1, limits, *routes);
    if (!started)
      throw std::runtime_error{started.error().message};
    server.emplace(std::move(started.value()));
  }

  void stop() {
    if (desk)
      desk->stop();
    server.reset();
    removed = 0;
  }

  static std::string head(const std::string& query, const std::string& lines) {
    return "POST /warm/upload" + query + " HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n";
  }

  [[nodiscard]] raw_response post(
    const std::string& body, const std::string& query = {}, const std::string& lines = {}) const {
    raw_client client{server->port()};
    client.send(head(query, lines + "Content-Length: " + std::to_string(body.size()) + "\r\n") + body);
    return client.read_response();
  }

  /// Whether everything that was under way comes to its end.
  [[nodiscard]] bool settled() const {
    return eventually([this] { return server->count().in_flight == 0 && desk->held().now() == 0; });
  }

  /// What the server has answered so by itself, or for want of an answer.
  [[nodiscard]] std::uint64_t refused(int status) const {
    for (const auto& row : server->count().refused)
      if (row.status == status)
        return row.count;
    return 0;
  }

  [[nodiscard]] std::vector<storage::object_info> objects() const { return value_of(look->list()).objects; }

  [[nodiscard]] storage::whole_object object(const std::string& key) const {
    auto got = value_of(storage::get_whole(*look, key));
    if (!got)
      throw std::runtime_error{"no such object: " + key};
    return std::move(*got);
  }

  /// Files with bodies, finished or not.
  [[nodiscard]] std::size_t body_files() const {
    namespace fs = std::filesystem;
    std::size_t out = 0;
    for (const auto* folder : {"bodies", "incoming"})
      for (const auto& each : fs::recursive_directory_iterator{fs::path{dir.file("objects")} / folder})
        out += each.is_regular_file() ? 1 : 0;
    return out;
  }
};

} // namespace troupe::test
