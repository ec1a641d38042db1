using System.Globalization;
using System.Text;
using Laptime.Foundations;

namespace Laptime.Cli.FastPath;

/// <summary>
/// What the last full run of one environment found, as plain fields: everything that a run with nothing to do has to compare. A line per fact, fields
/// between tabs, a checksum at the end; whatever does not read exactly as it was written is no proof, and the full run decides.
/// </summary>
internal sealed class Proof
{
    /// <summary>The build of lap that wrote it: another one decides for itself.</summary>
    public required string Build;

    /// <summary>The workspace it was written for: in a copy of the folder it proves nothing.</summary>
    public required string Root;
    public required string Workspace;
    public required string Environment;
    public required string Target;
    public required string Loop;
    public required string Profile;

    /// <summary>What the workspace was read from: <see cref="OfLaptime"/> or <see cref="OfCompose"/>. Which files of a folder count depends on it.</summary>
    public required string Source;

    /// <summary>Path of the agent's socket.</summary>
    public required string Socket;

    /// <summary>Path of the no-op log beside the journal.</summary>
    public required string NoOpLog;

    /// <summary>The digest over everything scanned, as the stat index has it.</summary>
    public required string Tree;

    /// <summary>The agent's mark of its watch when the index was last checked in full; "-": none.</summary>
    public required string Mark;

    public required ulong Key0;
    public required ulong Key1;

    /// <summary>Names of variables that decide something, and the keyed hashes of their values ("-": unset).</summary>
    public required string[] Variables;
    public required string[] VariableHashes;

    /// <summary>Components in the file's order; those that do not run have no deployment key ("-").</summary>
    public required string[] Names;
    public required string[] Fingerprints;
    public required string[] DeploymentKeys;
    public required string[] Artifacts;
    public required string[] Revisions;
    public required string[] ParityGaps;

    /// <summary>What every run tells people on stderr before it begins: why a compose file is deployed, and to what.</summary>
    public required string[] Notices;

    public const string OfLaptime = "laptime.yaml";
    public const string OfCompose = "compose";

    private const int MostBytes = 64 * 1024 * 1024;
    private const string Magic = "lap-proof-3";

    /// <summary>The proof of an environment; of the default one when no name is given.</summary>
    public static string PathOf(string root, string? environment) => environment is null ? root + "/.laptime/proof" : root + "/.laptime/env/" + environment + "/proof";

    /// <summary>The stat index that the proof was written with.</summary>
    public string Index => Root + "/.laptime/env/" + Environment + "/index";

    public static Proof? Load(string path)
    {
        if (RawFile.Read(path, MostBytes) is not { } content)
        {
            return null;
        }

        var end = content.Length;
        while (end > 0 && content[end - 1] != '\n')
        {
            end--;
        }

        if (PlainText.Text(new ReadOnlySpan<byte>(content, end, content.Length - end)) != Ending(new ReadOnlySpan<byte>(content, 0, end)))
        {
            return null;
        }

        var lines = PlainText.Split(PlainText.Text(new ReadOnlySpan<byte>(content, 0, end)), '\n');
        var head = PlainText.Split(lines[0], '\t');
        if (lines.Length < 6 || head.Length != 15 || head[0] != Magic)
        {
            return null;
        }

        var variables = Fields(lines[1], 2);
        var components = new string[lines.Length - 5][];
        for (var i = 0; i < components.Length; i++)
        {
            components[i] = PlainText.Split(lines[4 + i], '\t');
            if (components[i].Length != 5)
            {
                return null;
            }
        }

        if (variables is null || !PlainText.TryNumber(head[12], out var key0)
            || !PlainText.TryNumber(head[13], out var key1))
        {
            return null;
        }

        return new Proof
        {
            Build = head[1], Workspace = head[2], Environment = head[3], Target = head[4], Loop = head[5], Profile = head[6], Socket = head[7], NoOpLog = head[8],
            Tree = head[9], Mark = head[10], Root = head[11], Source = head[14], Key0 = key0, Key1 = key1,
            Variables = Column(variables, 0), VariableHashes = Column(variables, 1),
            ParityGaps = lines[2].Length == 0 ? [] : PlainText.Split(lines[2], '\t'),
            Notices = lines[3].Length == 0 ? [] : PlainText.Split(lines[3], '\t'),
            Names = Column(components, 0), Fingerprints = Column(components, 1), DeploymentKeys = Column(components, 2), Artifacts = Column(components, 3),
            Revisions = Column(components, 4),
        };
    }

    public void Save(string path)
    {
        var text = new StringBuilder();
        text.AppendJoin('\t', Magic, Build, Workspace, Environment, Target, Loop, Profile, Socket, NoOpLog, Tree, Mark, Root,
            Key0.ToString(CultureInfo.InvariantCulture), Key1.ToString(CultureInfo.InvariantCulture), Source).Append('\n');
        for (var i = 0; i < Variables.Length; i++)
        {
            text.Append(i == 0 ? "" : "\t").Append(Variables[i]).Append('\t').Append(VariableHashes[i]);
        }

        text.Append('\n').AppendJoin('\t', ParityGaps).Append('\n').AppendJoin('\t', Notices).Append('\n');
        for (var i = 0; i < Names.Length; i++)
        {
            text.AppendJoin('\t', Names[i], Fingerprints[i], DeploymentKeys[i], Artifacts[i], Revisions[i]).Append('\n');
        }

        text.Append(Ending(Encoding.UTF8.GetBytes(text.ToString())));
        AtomicFile.Write(path, text.ToString(), durable: false);
    }

    /// <summary>False when a fact holds what separates facts: it would not read as it was written.</summary>
    public bool CanBeWritten()
    {
        foreach (var texts in new[] { [Build, Workspace, Environment, Target, Loop, Profile, Socket, NoOpLog, Tree, Mark, Root, Source], Variables, ParityGaps, Notices, Names, Fingerprints, DeploymentKeys, Artifacts, Revisions })
        {
            if (Array.Exists(texts, t => t.AsSpan().ContainsAny('\t', '\n')))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Damage must not pass for a fact. Against accidents, not against people: who can write here can deploy.</summary>
    private static string Ending(ReadOnlySpan<byte> text) => "end " + PlainText.Number(KeyedHash.Of(0, 0, text));

    /// <summary>Keyed hash of a variable's present value; "-" when it is not set.</summary>
    public static string HashOf(ulong key0, ulong key1, string variable) => HashOfValue(key0, key1, System.Environment.GetEnvironmentVariable(variable));

    /// <summary>Keyed hash of a variable's value; "-" for none.</summary>
    public static string HashOfValue(ulong key0, ulong key1, string? value) => value is null ? "-" : PlainText.Number(KeyedHash.Of(key0, key1, value));

    private static string[][]? Fields(string line, int width)
    {
        if (line.Length == 0)
        {
            return [];
        }

        var fields = PlainText.Split(line, '\t');
        if (fields.Length % width != 0)
        {
            return null;
        }

        var rows = new string[fields.Length / width][];
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i] = [fields[i * width], fields[(i * width) + 1]];
        }

        return rows;
    }

    private static string[] Column(string[][] rows, int column)
    {
        var values = new string[rows.Length];
        for (var i = 0; i < rows.Length; i++)
        {
            values[i] = rows[i][column];
        }

        return values;
    }
}
