using System.Globalization;
using Laptime.Foundations;
using Laptime.Workspaces.Compose;

namespace Laptime.Recipes.Reading;

/// <summary>What recipes say by labels of their services: version, timeout, where a proxy reaches them.</summary>
internal static class RecipeLabels
{
    private const string Own = "coop-cloud.";
    private const string Proxy = "traefik.http.services.";
    private const string ProxyPort = ".loadbalancer.server.port";
    private const string MainName = "app";

    public static ComposeRecipeService Service(ComposeService service, List<string> warnings)
    {
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in service.Node.Given("deploy")?.Given("labels")?.Entries ?? [])
        {
            labels[entry.Key] = entry.Value.IsNull ? "" : entry.Value.Text;
        }

        foreach (var entry in service.Node.Given("labels")?.Entries ?? [])
        {
            if (entry.Key.StartsWith(Own, StringComparison.Ordinal) || entry.Key.StartsWith(BackupLabels.Prefix, StringComparison.Ordinal))
            {
                warnings.Add($"{entry.KeyAt}: the label {entry.Key} is one of the container, where nobody looks for it: it belongs under `deploy`");
            }
        }

        int? port = null;
        foreach (var (key, value) in labels)
        {
            if (key.StartsWith(Proxy, StringComparison.Ordinal) && key.EndsWith(ProxyPort, StringComparison.Ordinal))
            {
                if (int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and < 65536)
                {
                    port ??= number;
                }
                else
                {
                    warnings.Add($"{At(service, key)}: `{value}` is no port: the label {key} is left aside");
                }
            }
        }

        return new ComposeRecipeService(service, labels, port);
    }

    /// <summary><c>app</c>; else the only one; else the one that a proxy reaches; else the first.</summary>
    public static ComposeRecipeService Main(List<ComposeRecipeService> services, List<string> warnings)
    {
        if (services.Find(static s => s.Name == MainName) is { } app)
        {
            return app;
        }

        if (services is [var only])
        {
            return only;
        }

        if (services.FindAll(static s => s.ProxyPort is not null) is [var reached])
        {
            return reached;
        }

        warnings.Add($"{services[0].Compose.At}: no service is called `{MainName}`, and not exactly one has a proxy label: `{services[0].Name}`, the first, is taken for the one that users reach");
        return services[0];
    }

    public static string? Version(List<ComposeRecipeService> services, ComposeRecipeService main, List<string> warnings)
    {
        string? version = null;
        foreach (var (service, key, value) in Named(services, ".version"))
        {
            if (service == main)
            {
                version = value.Trim() is { Length: > 0 } text ? text : version;
            }
            else
            {
                warnings.Add($"{At(service.Compose, key)}: the version label stands on `{service.Name}`, and belongs on `{main.Name}` alone: it is left aside");
            }
        }

        if (version is null)
        {
            warnings.Add($"{main.Compose.At}: the service `{main.Name}` has no label `{Own}${{STACK_NAME}}.version`: what runs does not say which version it is");
        }

        return version;
    }

    public static TimeSpan? Timeout(List<ComposeRecipeService> services, List<string> warnings)
    {
        foreach (var (service, key, value) in Named(services, ".timeout"))
        {
            if (int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds > 0)
            {
                return TimeSpan.FromSeconds(seconds);
            }

            if (Duration.TryParse(value, out var span) && span > TimeSpan.Zero)
            {
                return span;
            }

            if (value.Length > 0)
            {
                warnings.Add($"{At(service.Compose, key)}: `{value}` is no number of seconds: the label {key} is left aside");
            }
        }

        return null;
    }

    public static SourceLocation At(ComposeService service, string key) =>
        service.Node.Given("deploy")?.Given("labels")?.Entries.FirstOrDefault(e => e.Key == key)?.KeyAt ?? service.At;

    private static IEnumerable<(ComposeRecipeService Service, string Key, string Value)> Named(List<ComposeRecipeService> services, string ending) =>
        from service in services
        from label in service.Labels
        where label.Key.StartsWith(Own, StringComparison.Ordinal) && label.Key.EndsWith(ending, StringComparison.Ordinal) && label.Key.Length > Own.Length + ending.Length
        select (service, label.Key, label.Value);
}
