using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
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

        string Text(Template template) => template.Resolve(name => name is "port" or "revision" or "transaction" ? $"${{{name}}}" : names(name));
        void Add(string name, string value) => settings[name] = Digest.Of(value).ToHex();

        Add("command", run.Command switch
        {
            CommandLine.Shell shell => "shell\0" + Text(shell.Text),
            CommandLine.Exec exec => "exec\0" + string.Join('\0', exec.Arguments.Select(Text)),
            _ => throw new System.Diagnostics.UnreachableException(),
        });
        Add("port", run.Port?.ToString() ?? "");
        Add("replicas", run.Replicas.ToString());
        foreach (var (name, value) in run.Env)
        {
            Add("env." + name, Text(value));
        }

        return settings;
    }

    public static Digest Of(Digest artifact, IReadOnlyDictionary<string, string> settings)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> bytes = stackalloc byte[Digest.Size];
        artifact.CopyTo(bytes);
        hash.AppendData(bytes);
        foreach (var (name, value) in settings.OrderBy(s => s.Key, StringComparer.Ordinal))
        {
            Append(hash, name);
            Append(hash, value);
        }

        return Digest.From(hash.GetHashAndReset());
    }

    /// <summary>Length first: no two lists of texts may run together to the same bytes.</summary>
    private static void Append(IncrementalHash hash, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        hash.AppendData(length);
        hash.AppendData(bytes);
    }
}
