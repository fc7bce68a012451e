// Two upstreams of user-defined providers, and a node that knows of them by its configuration file alone.
#pragma once

#include "apps/config/load.hpp"
#include "apps/node/node.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/temp_directory.hpp"
#include "tests/support/tiny_server.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

namespace troupe::test {

/// An upstream that says what it is told, and keeps what it was asked.
struct upstream {
  std::mutex lock;
  int status = 200;
  std::string body;
  std::vector<std::string> asked;
  tiny_server server{[this](tiny_server::connection& c) {
    for (auto request = c.read_request(); !request.empty(); request = c.read_request()) {
      const std::lock_guard guard{lock};
      asked.push_back(request);
      c.write("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n"
              + body);
    }
  }};

  explicit upstream(std::string says) : body{std::move(says)} {}

  void say(int code, std::string text) {
    const std::lock_guard guard{lock};
    status = code;
    body = std::move(text);
  }
  std::vector<std::string> calls() {
    const std::lock_guard guard{lock};
    return asked;
  }
};

/// A node whose configuration file defines both, and a route that asks them.
struct custom_world {
  temp_directory dir;
  upstream east{R"({"name":"Berlin","temp":21,"hidden":true})"};
  upstream west{R"({"result":{"city":"Berlin, DE","humidity":60,"temperature":20}})"};
  std::ostringstream lines;
  std::unique_ptr<node> troupe;

  std::string merge = "merge = \"object\"";
  std::string map = "{city: .name, temperature: .temp}";
  std::string more;

  void start(std::vector<std::string> sets = {}) {
    const auto file = dir.write("t.toml",
      "[providers.east]\nurl = \"" + east.server.url("")
        + "\"\nrate = 1000\nburst = 1000\n"
          "[providers.east.operations.now]\npath = \"/now/{city}?lang={lang}\"\nmap = '''"
        + map
        + "'''\n"
          "[providers.west]\nurl = \""
        + west.server.url("/v2")
        + "\"\nrate = 1000\nburst = 1000\n"
          "[providers.west.operations.current]\npath = \"/current?q={city}\"\nheaders = { \"X-Key\" = \"${secret}\" }\n"
          "map = '.result'\n"
          "[[route]]\nname = \"weather\"\npath = \"/api/v1/weather/{city}\"\nparams.city = \"text 1..50\"\n"
          "params.lang = \"enum en|de = en\"\nproviders = [\"east.now\", \"west.current\"]\nlimit = \"50/60s\"\n"
        + merge + "\n" + more);
    config::load_request request;
    request.file = file;
    request.sets = std::move(sets);
    request.sets.push_back("http.address=127.0.0.1:0");
    request.sets.push_back("storage.dir=" + dir.file("data"));
    request.sets.push_back("jq.workers=2");
    request.env = {{"TROUPE_SECRET_WEST_KEY", "w3st-s3cret"}};
    auto loaded = config::load(request);
    for (const auto& line : loaded.errors)
      CAF_FAIL(line);
    auto log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(lines));
    auto started = node::start({std::move(loaded.values), std::move(loaded.secrets), "test", log});
    if (!started)
      CAF_FAIL(started.error().message);
    troupe = std::move(started.value());
  }

  [[nodiscard]] raw_response get(const std::string& target, const std::string& fields = {}) const {
    raw_client client{troupe->port()};
    client.send("GET " + target + " HTTP/1.1\r\nHost: t\r\n" + fields + "Connection: close\r\n\r\n");
    return client.read_response();
  }

  [[nodiscard]] raw_response post(
    const std::string& target, const std::string& json, const std::string& fields = {}) const {
    raw_client client{troupe->port()};
    client.send("POST " + target + " HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
                + std::to_string(json.size()) + "\r\n" + fields + "Connection: close\r\n\r\n" + json);
    return client.read_response();
  }

  [[nodiscard]] std::string metric(const std::string& line) const {
    std::istringstream text{get("/metrics").body};
    for (std::string each; std::getline(text, each);)
      if (each.starts_with(line + " "))
        return each.substr(line.size() + 1);
    return "none";
  }
};

} // namespace troupe::test
