using System.Globalization;
using Laptime.Fingerprints;
using Laptime.Workspaces;

namespace Laptime.Planning;

/// <summary>What a rollout keys on: the artifact's digest and the run settings. Equal keys mean that there is nothing to roll out.</summary>
public static class DeploymentKey
{
    /// <summary>
    /// Digests of a component's run settings by name (command, port, replicas, env.NAME ...): a changed one is shown by its name, never by its value.
    /// Names that only have a value at run time (port, revision, transaction) stay as they are written.
    /// </summary>
    public static IReadOnlyDictionary<string, string> SettingsOf(Component component, Func<string, string?> names)
    {
        var settings = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (component.Run is not { } run)
        {
            return settings;
        }

        // No program is ever given a NUL: what stands for a name that has no value yet is not what a text written like it gives.
        string Text(Template template) => template.Resolve(name => name is "port" or "revision" or "transaction" ? $"\0{name}\0" : names(name));
        void Add(string name, params IReadOnlyList<string> value) => settings[name] = DigestOf(name, value).ToHex();

        Add("command", run.Command switch
        {
            CommandLine.Shell shell => ["shell", Text(shell.Text)],
            CommandLine.Exec exec => ["exec", .. exec.Arguments.Select(Text)],
            _ => throw new System.Diagnostics.UnreachableException(),
        });
        Add("port", run.Port?.ToString(CultureInfo.InvariantCulture) ?? "");
        Add("replicas", run.Replicas.ToString(CultureInfo.InvariantCulture));
        Add("stop-grace", run.StopGrace.Ticks.ToString(CultureInfo.InvariantCulture));
        Add("drain", run.Drain.Ticks.ToString(CultureInfo.InvariantCulture));
        if (run.ContainerPort is { } inside)
        {
            Add("container-port", inside.ToString(CultureInfo.InvariantCulture));
        }

        foreach (var (name, value) in run.Env)
        {
            Add("env." + name, Text(value));
        }

        if (run.Image is { } image)
        {
            Add("image", image);
        }

        foreach (var (name, value) in run.Stack)
        {
            Add("stack." + name, value);
        }

        return settings;
    }

    public static Digest Of(Digest artifact, IReadOnlyDictionary<string, string> settings)
    {
        using var hash = new LengthPrefixed("laptime/deployment-key/v1");
        hash.Add(artifact);
        foreach (var (name, value) in settings.OrderBy(s => s.Key, StringComparer.Ordinal))
        {
            hash.Add(name).Add(value);
        }

        return hash.Finish();
    }

    /// <summary>Run settings that stand in files of their own: manifests, a chart.</summary>
    public static IReadOnlyDictionary<string, string> With(IReadOnlyDictionary<string, string> settings, string name, IReadOnlyList<InputFile> files) =>
        new SortedDictionary<string, string>(settings.ToDictionary(), StringComparer.Ordinal) { [name] = DigestOf(name, [.. files.SelectMany(f => (string[])[f.Path, f.Content.ToString()])]).ToHex() };

    /// <summary>Bound to the name, so that equal values of two settings do not show as equal.</summary>
    private static Digest DigestOf(string name, IReadOnlyList<string> value)
    {
        using var hash = new LengthPrefixed("laptime/run-setting/v1");
        hash.Add(name).Add(value.Count);
        foreach (var text in value)
        {
            hash.Add(text);
        }

        return hash.Finish();
    }
}
