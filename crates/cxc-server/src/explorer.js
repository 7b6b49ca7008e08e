// Starts the explorer. It signs in by the session's cookie, and whatever changes something needs the session's token
// besides: the explorer asks for it by itself, right before each such request, so that it also holds after another sign-in.
window.onload = function () {
  const base = "{base}";
  const harmless = ["GET", "HEAD", "OPTIONS"];

  async function token() {
    const answer = await fetch(base + "/auth/session", { credentials: "same-origin" });
    return answer.ok ? (await answer.json()).csrfToken : null;
  }

  async function withToken(request) {
    const method = (request.method || "GET").toUpperCase();
    // the token is nobody else's
    const isOurs = new URL(request.url, window.location.href).origin === window.location.origin;
    if (!isOurs || harmless.includes(method)) {
      return request;
    }
    const csrf = await token();
    if (csrf) {
      request.headers = { ...request.headers, "X-CSRF-Token": csrf };
    }
    return request;
  }

  window.ui = SwaggerUIBundle({
    url: base + "/openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    withCredentials: true,
    requestInterceptor: withToken,
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    plugins: [SwaggerUIBundle.plugins.DownloadUrl],
    layout: "StandaloneLayout",
  });
};
