// A node with its bridge, and the replay upstream behind it, over loopback, in this process.
#pragma once

#include "apps/node/node.hpp"
#include "apps/replay/replay.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/temp_directory.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/sinks/null_sink.h>

#include <memory>
#include <sstream>
#include <string>

namespace troupe::test {

using namespace std::chrono_literals;

struct node_world {
  temp_directory dir;
  std::unique_ptr<replay::server> upstream;
  std::unique_ptr<node> troupe;
  config::settings settings;
  config::secrets secrets;

  node_world() {
    const auto catalogue =
      dir.write("books.csv", "isbn13,title,authors,year,publisher,language,subjects\n"
                             "9780441172719,Dune,Frank Herbert,1965,Ace,en,Science fiction;Deserts\n"
                             "9780593098233,Dune Messiah,Frank Herbert,1969,Ace,en,Science fiction\n"
                             "9780261103344,The Hobbit,J. R. R. Tolkien,1937,HarperCollins,en,Fantasy\n");
    replay::options o;
    o.catalogue = catalogue;
    auto started = replay::server::start(o);
    REQUIRE(started.has_value());
    upstream = std::move(started.value());
    settings.http.address = {"127.0.0.1", 0};
    settings.storage.dir = dir.file("data");
    settings.limits.client.enabled = false;
    settings.limits.global = {1'000'000, 1'000'000};
    for (auto& [name, p] : settings.providers) {
      p.url.text = "http://127.0.0.1:" + std::to_string(upstream->port());
      p.rate = p.burst = 1'000'000;
      p.concurrency = 64;
    }
  }

  void start() {
    auto log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
    auto started = node::start({settings, secrets, "test", log});
    if (!started)
      CAF_FAIL(started.error().message);
    troupe = std::move(started.value());
  }

  [[nodiscard]] raw_response call(std::uint16_t port, const std::string& method, const std::string& target,
    const std::string& body = {}, const std::string& fields = {}) const {
    raw_client client{port};
    client.send(method + " " + target + " HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(body.size())
                + "\r\n" + fields + "Connection: close\r\n\r\n" + body);
    return client.read_response();
  }

  [[nodiscard]] raw_response get(const std::string& target, const std::string& fields = {}) const {
    raw_client client{troupe->port()};
    client.send("GET " + target + " HTTP/1.1\r\nHost: t\r\n" + fields + "Connection: close\r\n\r\n");
    return client.read_response();
  }

  void fault(const std::string& text) const {
    CHECK_EQ(call(upstream->port(), "PUT", "/__replay/faults", text).status / 100, 2);
  }

  /// The gauge's sum over its labels.
  [[nodiscard]] std::int64_t gauge(const std::string& name) const {
    std::int64_t sum = 0;
    std::istringstream lines{get("/metrics").body};
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with(name + " ") || line.starts_with(name + "{"))
        sum += std::stoll(line.substr(line.rfind(' ') + 1));
    return sum;
  }

  ~node_world() {
    troupe.reset();
    upstream.reset();
  }
};

} // namespace troupe::test
