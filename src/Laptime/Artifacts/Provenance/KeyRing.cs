using System.Security.Cryptography;
using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Artifacts.Provenance;

/// <summary>The key pairs of a workspace: public halves in <c>keys/</c>, to be committed; private ones in <c>.laptime/keys/</c>, which git ignores.</summary>
public sealed class KeyRing(Workspace workspace)
{
    public const string DefaultName = "lap";
    private const string PublicFolder = "keys";
    private readonly WorkspaceFolder folder = new(workspace.Root);

    /// <summary>The private key of a name, where `lap keys create` puts it and `lap publish` looks for it. Absolute.</summary>
    public string PrivateFile(string name) => Path.Combine(folder.Path, PublicFolder, name + ".key");

    /// <summary>The private keys that lie here, by name. Absolute.</summary>
    public IReadOnlyList<string> PrivateFiles() =>
        Path.GetDirectoryName(PrivateFile(DefaultName))! is var here && Directory.Exists(here) ? [.. Directory.EnumerateFiles(here, "*.key").Order(StringComparer.Ordinal)] : [];

    /// <summary>Relative to the workspace, as a trust rule names it.</summary>
    public static string PublicFile(string name) => $"{PublicFolder}/{name}.pub";

    /// <summary>Makes a pair. Nothing is left of it when it fails.</summary>
    /// <param name="privateFolder">Absolute folder for the private half; null: the workspace's own.</param>
    /// <param name="replace">Replace what is there; what the old key signed is then not trusted any more.</param>
    /// <exception cref="LapException">The name is none, or a file is there already.</exception>
    public KeyPair Create(string name, string? privateFolder, bool replace)
    {
        if (name is not { Length: > 0 and <= 60 } || !char.IsAsciiLetterOrDigit(name[0]) || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
        {
            throw new LapException($"{name} cannot be the name of a key", "NAME", "use letters, digits, '-', '_' and '.'");
        }

        var (secret, open) = (privateFolder is null ? PrivateFile(name) : Path.Combine(privateFolder, name + ".key"), Path.Combine(workspace.Root, PublicFile(name)));
        var taken = ((string[])[secret, open]).Where(Path.Exists).ToList();
        if (taken.Count > 0 && !replace)
        {
            throw new LapException([.. taken.Select(f => new Problem($"there is a {(f == secret ? "private" : "public")} key of the name {name} already", Where: f,
                "choose another name, or --replace to make both halves new (what the old key signed is then not trusted any more)"))]);
        }

        try
        {
            if (privateFolder is null)
            {
                folder.Create(Path.GetDirectoryName(secret));
            }
            else if (!Directory.Exists(privateFolder))
            {
                MakePrivate(privateFolder);
            }

            Directory.CreateDirectory(Path.GetDirectoryName(open)!);
            using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            using var verification = VerificationKey.Of(pair);
            Write(secret, pair.ExportPkcs8PrivateKeyPem() + "\n", replace, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            try
            {
                Write(open, verification.Pem, replace, null);
            }
            catch when (!replace)
            {
                File.Delete(secret);
                throw;
            }

            return new KeyPair(name, verification.Hint, open, secret);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LapException($"the key cannot be written: {e.Message}", secret, "make the folder writable, or free some disk space");
        }
    }

    /// <summary>Every key that is here or that a trust rule names, by name.</summary>
    public IReadOnlyList<ListedKey> List()
    {
        var here = Path.Combine(workspace.Root, PublicFolder);
        var files = (Directory.Exists(here) ? Directory.EnumerateFiles(here, "*.pub").Select(f => $"{PublicFolder}/{Path.GetFileName(f)}") : [])
            .Concat(workspace.Trust.Select(r => r.Key)).Distinct().Order(StringComparer.Ordinal);
        return [.. files.Select(Listed)];
    }

    private ListedKey Listed(string file)
    {
        var rules = workspace.Trust.Where(r => r.Key == file).ToList();
        var name = Path.GetFileNameWithoutExtension(file);
        var secret = file == PublicFile(name) && File.Exists(PrivateFile(name)) ? PrivateFile(name) : null;
        try
        {
            using var key = VerificationKey.Load(Path.GetFullPath(Path.Combine(workspace.Root, file)), file, rules.Count > 0 ? rules[0].At?.ToString() : null);
            return new ListedKey(name, file, key.Hint, secret, rules, null);
        }
        catch (LapException e)
        {
            return new ListedKey(name, file, null, secret, rules, e.Problems[0]);
        }
    }

    private static void Write(string file, string content, bool replace, UnixFileMode? mode)
    {
        if (replace)
        {
            AtomicFile.Write(file, content, mode: mode);
            return;
        }

        // Made by us or not at all: two at once cannot have written half of each pair.
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (mode is { } bits && !OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = bits;
        }

        using var stream = new FileStream(file, options);
        try
        {
            stream.Write(System.Text.Encoding.ASCII.GetBytes(content));
            stream.Flush(flushToDisk: true);
        }
        catch
        {
            File.Delete(file);
            throw;
        }
    }

    private static void MakePrivate(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }
}

/// <summary>A pair that was made. Paths are absolute.</summary>
public sealed record KeyPair(string Name, string Hint, string PublicFile, string PrivateFile);

/// <summary>A key as `lap keys list` shows it.</summary>
/// <param name="PublicFile">Relative to the workspace.</param>
/// <param name="Hint">Null: there is a problem.</param>
/// <param name="PrivateFile">Absolute; null: the private half is not in this workspace.</param>
/// <param name="Rules">The trust rules that name it.</param>
public sealed record ListedKey(string Name, string PublicFile, string? Hint, string? PrivateFile, IReadOnlyList<TrustRule> Rules, Problem? Problem);
