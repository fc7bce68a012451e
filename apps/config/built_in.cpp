#include "apps/config/built_in.hpp"

namespace troupe::config {

const std::vector<built_in_route>& built_in_routes() {
  static const std::vector<built_in_route> all{
    {"search", "/api/v2/books/search"}, {"details", "/api/v2/books/{isbn}"}, {"author", {}}, {"search_page", {}},
    {"batches", "/api/v1/batches"}, {"batch", "/api/v1/batches/{id}"}, {"search_auto", "/search/auto"},
    {"search_title", "/search/title"}, {"search_author", "/search/author"}, {"search_isbn", "/search/isbn"},
    {"search_v3", "/api/v3/books/search"}, {"isbndb_author", "/author/{name}"}, {"isbndb_book", "/book/{isbn}"},
    {"isbndb_books", "/books/{query}"}, {"isbndb_search", "/search/books"},
    {"health_books-proxy", "/services/books-proxy/health"}, {"health_isbndb", "/services/isbndb/health"},
    {"health_cache-warmer", "/services/cache-warmer/health"}, {"warm_upload", "/warm/upload"}, {"jobs_list", "/jobs"},
    {"jobs_job", "/jobs/{id}"}, {"jobs_events", "/jobs/{id}/events"}, {"jobs_results", "/jobs/{id}/results"},
    {"jobs_rejections", "/jobs/{id}/rejections"}, {"jobs_pause", "/jobs/{id}/pause"},
    {"jobs_resume", "/jobs/{id}/resume"}, {"schedules", "/schedules"}, {"schedule_runs", "/schedules/{name}/runs"},
    {"schedule_run", "/schedules/{name}/run"}, {"health", "/health"}, {"metrics", "/metrics"},
    {"library", {}}, // what a key is granted that may use all of the library's
    {"other", {}},   // in metrics: no route's
  };
  return all;
}

} // namespace troupe::config
