using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Planning;
using Laptime.Workspaces;

namespace Laptime.Tests.Planning;

/// <summary>Workspaces and facts as tests of planning need them, made without a file.</summary>
internal static class Given
{
    public static readonly SourceLocation At = new("laptime.yaml", 4, 3);
    public static readonly DateTimeOffset Then = new(2026, 11, 21, 11, 3, 29, TimeSpan.Zero);
    public static readonly DeployEnvironment Local = new() { Name = "local" };

    public static Workspace Workspace(params Component[] components) => new()
    {
        Root = "/shop", File = "/shop/laptime.yaml", Sources = [], Name = "shop", Components = components, Profiles = [], Environments = [Local],
    };

    public static Component Component(string name, bool runs = true, string[]? uses = null, string[]? needs = null, params Step[] steps) => new()
    {
        Name = name, Path = name, Uses = uses ?? [], Needs = needs ?? [], At = At, Build = new BuildSettings { Steps = steps },
        Run = runs ? Run($"./{name}") : null,
    };

    public static RunSettings Run(string command) => new() { Command = new CommandLine.Shell(Text(command)) };

    public static Step Step(string name, params Loop[] loops) => new() { Name = name, Run = new CommandLine.Shell(Template.Literal("true")), Loops = loops, At = At };

    /// <summary>A template as the file gives it: ${name} is a name, $${ a literal.</summary>
    public static Template Text(string source)
    {
        var parts = new List<TemplatePart>();
        var at = 0;
        while (at < source.Length)
        {
            if (source.AsSpan(at).StartsWith("$${"))
            {
                parts.Add(new TemplatePart.Text("${"));
                at += 3;
            }
            else if (source.AsSpan(at).StartsWith("${"))
            {
                var end = source.IndexOf('}', at);
                parts.Add(new TemplatePart.Name(source[(at + 2)..end]));
                at = end + 1;
            }
            else
            {
                var next = source.IndexOf('$', at + 1);
                next = next < 0 ? source.Length : next;
                parts.Add(new TemplatePart.Text(source[at..next]));
                at = next;
            }
        }

        return new Template(source, parts);
    }

    public static ComponentFingerprint Fingerprint(string component, params FingerprintPart[] parts) => ComponentFingerprint.Of(component, parts);

    public static FingerprintPart File(string name, string content = "1") => new(PartKind.File, name, content);

    public static IReadOnlyDictionary<string, string> Settings(string port = "8080") => new Dictionary<string, string> { ["command"] = "c", ["port"] = port };

    public static IReadOnlyDictionary<string, T> Only<T>(string component, T? value) => value is null ? new Dictionary<string, T>() : new Dictionary<string, T> { [component] = value };
}
