#include "apps/node/logging.hpp"

#include "apps/clock/wall_clock.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>

namespace troupe {
namespace {

// About 2 MB of lines: a burst of failures, not an outage's worth.
constexpr std::size_t queued_lines = 8192;

class json_lines final : public spdlog::formatter {
public:
  void format(const spdlog::details::log_msg& m, spdlog::memory_buf_t& out) override {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(m.time.time_since_epoch()).count();
    const auto level = spdlog::level::to_string_view(m.level);
    const nlohmann::ordered_json line{{"time", rfc3339(ms)}, {"level", std::string_view{level.data(), level.size()}},
      {"message", std::string_view{m.payload.data(), m.payload.size()}}};
    const auto text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
    out.append(text.data(), text.data() + text.size());
  }

  [[nodiscard]] std::unique_ptr<formatter> clone() const override { return std::make_unique<json_lines>(); }
};

} // namespace

logging::logging(spdlog::level::level_enum level, bool json)
    : pool_{std::make_shared<spdlog::details::thread_pool>(queued_lines, 1U)} {
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  log_ = std::make_shared<spdlog::async_logger>(
    "troupe", std::move(sink), pool_, spdlog::async_overflow_policy::overrun_oldest);
  log_->set_level(level);
  if (json)
    log_->set_formatter(std::make_unique<json_lines>());
  else
    log_->set_pattern("%H:%M:%S.%e %^%-5l%$ %v");
}

logging::~logging() {
  log_->flush();
  log_.reset();
  pool_.reset(); // joins its thread, which first writes what is queued
}

} // namespace troupe
