using Laptime.Foundations;
using Laptime.Signals;
using Laptime.Workspaces;

namespace Laptime.Tests.Signals;

/// <summary>Probes and instances as tests of signals need them.</summary>
internal static class Given
{
    public const string New = "gateway@111111111111";
    public const string Old = "gateway@000000000000";

    private static readonly SourceLocation At = new("laptime.yaml", 14, 7);

    /// <summary>Pauses cost nothing, bounds of a second and more must be waited for.</summary>
    public static ManualTime Clock() => new() { Flow = TimeSpan.FromMilliseconds(500) };

    public static Probe Http(string path = "/", int? status = null, Template? contains = null, double timeout = 30, int successes = 1, params (string Name, string Value)[] headers) => new()
    {
        Form = new ProbeForm.Http(Template.Literal(path), status, contains, headers.ToDictionary(h => h.Name, h => Template.Literal(h.Value))),
        Timeout = TimeSpan.FromSeconds(timeout),
        Successes = successes,
        At = At,
    };

    public static Probe Tcp(int? port = null, double timeout = 30) => new() { Form = new ProbeForm.Tcp(port), Timeout = TimeSpan.FromSeconds(timeout), At = At };

    public static Probe Run(string text, string? contains = null, double timeout = 30) => new()
    {
        Form = new ProbeForm.Run(new CommandLine.Shell(Template.Literal(text)), contains is null ? null : Template.Literal(contains)),
        Timeout = TimeSpan.FromSeconds(timeout),
        At = At,
    };

    public static Probe File(string path, string? contains = null, double timeout = 30) => new()
    {
        Form = new ProbeForm.File(Template.Literal(path), contains is null ? null : Template.Literal(contains)),
        Timeout = TimeSpan.FromSeconds(timeout),
        At = At,
    };

    public static Template Name(string name) => new($"${{{name}}}", [new TemplatePart.Name(name)]);

    public static ProbeContext Instance(LittleServer? server, Func<int, Life>? life = null, string? directory = null, params string[] secrets)
    {
        var asked = 0;
        return new ProbeContext
        {
            Component = "gateway",
            Port = server?.Port,
            Directory = directory ?? Path.GetTempPath(),
            Names = name => name == "env.TOKEN" ? "hunter2hunter2" : null,
            Secrets = secrets,
            Life = _ => ValueTask.FromResult(life?.Invoke(++asked) ?? new Life.Running()),
        };
    }

    public static Life Exited(int code = 3) => new Life.Exited(code, null, ["starting", "cannot open the database"]);
}
