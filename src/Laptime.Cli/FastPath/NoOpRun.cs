using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Transactions;

namespace Laptime.Cli.FastPath;

/// <summary>
/// `lap deploy` when there is nothing to do: proves it from the last run's proof, the stat index (or the agent's watch) and the target's own answer, and
/// says so, before anything else of lap is loaded. Whatever is not exactly as the proof has it goes to the full run, which decides.
/// </summary>
internal static class NoOpRun
{
    /// <summary>Past this size the full run folds the log and prunes reports.</summary>
    private const long MostLog = 1024 * 1024;

    private const int Output = 1;
    private const int Errors = 2;
    private const int MostEnvironment = 4 * 1024 * 1024;

    /// <summary>Tells one build of lap from another. Two numbers: formatting a GUID is compiled at run time.</summary>
    public static string Build
    {
        get
        {
            var bytes = typeof(NoOpRun).Module.ModuleVersionId.ToByteArray();
            return BitConverter.ToUInt64(bytes, 0).ToString(CultureInfo.InvariantCulture) + "-" + BitConverter.ToUInt64(bytes, 8).ToString(CultureInfo.InvariantCulture);
        }
    }

    /// <returns>False: the full run has to decide. True: it is done, with exit code 0.</returns>
    public static bool TryRun(string[] args)
    {
        var startTicks = Stopwatch.GetTimestamp();
        var startedUnixNs = (DateTime.UtcNow.Ticks - DateTime.UnixEpoch.Ticks) * 100;
        if (!OperatingSystem.IsLinux() || !Parse(args, out var environment, out var json, out var quiet, out var plain) || TwinsAreSet() || FindRoot(out var source) is not { } root)
        {
            return false;
        }

        var proof = Proof.Load(Proof.PathOf(root, environment));
        if (proof is null || proof.Build != Build || proof.Root != root || proof.Source != source || !VariablesStand(proof))
        {
            return false;
        }

        var lookupStart = Elapsed(startTicks);
        using var asked = AgentLine.Ask(proof.Socket, "noop " + proof.Environment + " " + proof.Mark + "\n");
        if (asked is null)
        {
            return false;
        }

        // With a watch the agent's word may spare the sweep, so it is heard first; without one both go on side by side.
        string[]? answer = null;
        var lookupEnd = 0L;
        if (proof.Mark != "-")
        {
            answer = asked.Read();
            lookupEnd = Elapsed(startTicks);
        }

        var detectStart = Elapsed(startTicks);
        var watched = answer is { Length: > 0 } && answer[^1] == "watch clean " + proof.Mark;
        if (!watched)
        {
            var verdict = NoOpCheck.Check(proof.Index, root);
            if (!verdict.IsClean || verdict.Tree.ToString() != proof.Tree)
            {
                return false;
            }
        }

        var detectEnd = Elapsed(startTicks);
        if (answer is null)
        {
            answer = asked.Read();
            lookupEnd = Elapsed(startTicks);
        }

        var found = answer is null ? null : Match(proof, answer);
        if (found is null || File.Exists(root + "/.laptime/measuring/undo.json"))
        {
            // (A killed measurement left its edit, or set the caches aside: the full run puts back what it changed, and looks again.)
            return false;
        }

        if (proof.Mark != "-" && !watched)
        {
            Rearm(proof, answer!, Proof.PathOf(root, environment));
        }

        return Tell(root, proof, found, startedUnixNs, startTicks, (lookupStart, lookupEnd), (detectStart, detectEnd), json, quiet, plain);
    }

    /// <summary>
    /// Something was written since the last look, and the look just now found nothing that counts. The agent's new mark is older than that look, so it
    /// stands for it: the next run need not look again.
    /// </summary>
    private static void Rearm(Proof proof, string[] answer, string path)
    {
        var word = answer[^1].LastIndexOf(' ');
        var mark = word < 0 ? "-" : answer[^1][(word + 1)..];
        if (mark == proof.Mark || mark is "-" or "")
        {
            return;
        }

        proof.Mark = mark;
        try
        {
            proof.Save(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next run looks again, as this one did.
        }
    }

    private static long Elapsed(long startTicks) => (long)((Stopwatch.GetTimestamp() - startTicks) * (1e9 / Stopwatch.Frequency));

    /// <summary>Only the plainest command line; anything else is for the full run.</summary>
    internal static bool Parse(string[] args, out string? environment, out bool json, out bool quiet, out bool plain)
    {
        (environment, json, quiet, plain) = (null, false, false, false);
        var output = false;
        if (args.Length == 0 || args[0] != "deploy")
        {
            return false;
        }

        for (var i = 1; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "-o" or "--output" when !output && i + 1 < args.Length && args[i + 1] is "json" or "text":
                    output = true;
                    json = args[++i] == "json";
                    break;
                case "--env" when environment is null && i + 1 < args.Length && IsName(args[i + 1]):
                    environment = args[++i];
                    break;
                case "-q" or "--quiet":
                    quiet = true;
                    break;
                case "--no-color":
                    plain = true;
                    break;
                default:
                    return false;
            }
        }

        return true;
    }

    /// <summary>The name becomes part of a path.</summary>
    private static bool IsName(string text)
    {
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '-' && c != '_')
            {
                return false;
            }
        }

        return text.Length is > 0 and < 64 && text[0] != '-';
    }

    /// <summary>
    /// Any LAP_ variable may be a flag's twin: the full run knows which (LAP_PUBLISH is none: it tells a checkout how to publish lap). So does it know where else a transaction is to be told (a collector, GitHub's summary).
    /// Read from the kernel: the base library would fill a hash table with all of them.
    /// </summary>
    private static bool TwinsAreSet()
    {
        var variables = RawFile.Read("/proc/self/environ", MostEnvironment);
        if (variables is null)
        {
            return true;
        }

        var length = variables.Length;
        for (var start = 0; start < length; start++)
        {
            if ((Begins(variables, start, length, "LAP_") && !Begins(variables, start, length, "LAP_AGENT_PATH=") && !Begins(variables, start, length, "LAP_PUBLISH="))
                || Begins(variables, start, length, "OTEL_EXPORTER_OTLP_") || Begins(variables, start, length, "GITHUB_STEP_SUMMARY="))
            {
                return true;
            }

            while (start < length && variables[start] != 0)
            {
                start++;
            }
        }

        return false;
    }

    private static bool Begins(byte[] text, int start, int length, string with)
    {
        for (var i = 0; i < with.Length; i++)
        {
            if (start + i >= length || text[start + i] != with[i])
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The workspace as the full run finds it. Null also where only that has the words for what is wrong.</summary>
    private static string? FindRoot(out string source)
    {
        source = Proof.OfLaptime;
        var here = RawFile.CurrentFolder();
        for (var folder = here; !string.IsNullOrEmpty(folder); folder = folder[..folder.LastIndexOf('/')])
        {
            if (RawFile.Exists(folder + "/laptime.yaml") || RawFile.Exists(folder + "/laptime.yml"))
            {
                return folder == "/" ? "" : folder;
            }
        }

        // Which of several it is, and what lies beside it, the agent compares.
        source = Proof.OfCompose;
        return !string.IsNullOrEmpty(here) && here != "/"
            && (RawFile.Exists(here + "/compose.yaml") || RawFile.Exists(here + "/compose.yml") || RawFile.Exists(here + "/docker-compose.yaml") || RawFile.Exists(here + "/docker-compose.yml"))
            ? here : null;
    }

    private static bool VariablesStand(Proof proof)
    {
        for (var i = 0; i < proof.Variables.Length; i++)
        {
            if (Proof.HashOf(proof.Key0, proof.Key1, proof.Variables[i]) != proof.VariableHashes[i])
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>What the target says of each component of the proof (artifact and run settings decide; which inputs once made them does not); null when it differs in anything, or runs something else beside them.</summary>
    private static string[][]? Match(Proof proof, string[] answer)
    {
        var rows = new string[proof.Names.Length][];
        var matched = 0;
        for (var i = 0; i < answer.Length - 1; i++)
        {
            var fields = answer[i].Split('\t');
            var at = fields.Length == 12 ? IndexOf(proof.Names, fields[0]) : -1;
            if (at < 0 || fields[1] != proof.Artifacts[at] || fields[2] != proof.DeploymentKeys[at] || fields[5] != "1"
                || fields[6] != fields[7] || fields[8] == "fail" || fields[9] == "fail")
            {
                return null;
            }

            rows[at] = fields;
            matched++;
        }

        for (var i = 0; i < rows.Length; i++)
        {
            if (rows[i] is null && proof.DeploymentKeys[i] != "-")
            {
                return null;
            }

            matched -= rows[i] is null ? 0 : 1;
        }

        return matched == 0 ? rows : null;
    }

    private static int IndexOf(string[] names, string name)
    {
        var at = names.Length - 1;
        while (at >= 0 && names[at] != name)
        {
            at--;
        }

        return at;
    }

    private static bool Tell(
        string root, Proof proof, string[][] found, long startedUnixNs, long startTicks, (long Start, long End) lookup, (long Start, long End) detect, bool json, bool quiet, bool plain)
    {
        var count = proof.Names.Length;
        var revisions = new string?[count];
        var endpoints = new string?[count];
        var readiness = new string[count];
        var reflected = new string[count];
        var keys = new string?[count];
        var instances = new int[count];
        var of = new int[count];
        var readAt = new long[count];
        for (var i = 0; i < count; i++)
        {
            var row = found[i];
            readAt[i] = startedUnixNs + lookup.End;
            keys[i] = proof.DeploymentKeys[i] == "-" ? null : proof.DeploymentKeys[i];
            revisions[i] = row is null ? null : row[4];
            readiness[i] = row is null ? "not-run" : row[8];
            reflected[i] = row is null ? "not-run" : row[9];
            endpoints[i] = row is null || row[10].Length == 0 ? null : row[10];
            instances[i] = row is null ? 0 : int.Parse(row[6], CultureInfo.InvariantCulture);
            of[i] = row is null ? 0 : int.Parse(row[7], CultureInfo.InvariantCulture);
        }

        var id = TransactionId.New(DateTimeOffset.FromUnixTimeMilliseconds(startedUnixNs / 1_000_000)).Text;
        var elapsed = Elapsed(startTicks);
        var document = new NoOpDocument
        {
            Id = id, Workspace = proof.Workspace, Environment = proof.Environment, Target = proof.Target, Loop = proof.Loop, Profile = proof.Profile.Length == 0 ? null : proof.Profile,
            StartedUnixNs = startedUnixNs, ElapsedNs = elapsed, DetectStartNs = detect.Start, DetectNs = detect.End - detect.Start, LookupStartNs = lookup.Start,
            LookupNs = lookup.End - lookup.Start, Names = proof.Names, Fingerprints = proof.Fingerprints, DeploymentKeys = keys, Artifacts = proof.Artifacts,
            Revisions = revisions, Endpoints = endpoints, Instances = instances, Of = of, ReadUnixNs = readAt, Ready = readiness, Reflected = reflected,
            ParityGaps = proof.ParityGaps,
        };
        var line = new Utf8Json();
        document.WriteLine(line);
        var written = new Utf8Json();
        document.Write(written);
        if (!Record(root, proof, id, line, written, UnchangedView.Markdown(id, proof.Workspace, proof.Environment, proof.Names, revisions, readiness, instances, of, elapsed, proof.ParityGaps)))
        {
            return false;
        }

        if (json)
        {
            Print(Output, written.Written);
            Print(Output, "\n"u8);
        }
        else if (!quiet)
        {
            for (var i = 0; i < proof.Notices.Length; i++)
            {
                Print(Errors, Encoding.UTF8.GetBytes("lap: " + proof.Notices[i] + "\n"));
            }

            Print(Output, Encoding.UTF8.GetBytes(UnchangedView.Text(
                id, proof.Workspace, proof.Environment, proof.Names, revisions, readiness, endpoints, instances, of, elapsed, proof.ParityGaps, Colours(plain))));
        }

        return true;
    }

    /// <summary>Every transaction is recorded and leaves its report; when that fails the full run says why.</summary>
    private static bool Record(string root, Proof proof, string id, Utf8Json line, Utf8Json document, string markdown)
    {
        try
        {
            if (RawFile.LengthOf(proof.NoOpLog) > MostLog)
            {
                return false;
            }

            // The record comes last: without its report it would stand there twice, once the full run has written its own.
            var reports = root + "/.laptime/reports/";
            if (!RawFile.Write(reports + id + ".md", Encoding.UTF8.GetBytes(markdown)) || !RawFile.Write(reports + id + ".json", document.Written))
            {
                return false;
            }

            NoOpLog.Append(proof.NoOpLog, line.Written);
            return true;
        }
        catch (Exception)
        {
            // Whatever it was (a full disk, a folder of someone else's), the full run meets it again and has the words for it.
            return false;
        }
    }

    private static bool Colours(bool plain) =>
        !plain && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")) && Environment.GetEnvironmentVariable("TERM") != "dumb"
        && (!string.IsNullOrEmpty(Environment.GetEnvironmentVariable("FORCE_COLOR")) || IsTerminal(1) == 1);

    private static void Print(int to, ReadOnlySpan<byte> text)
    {
        unsafe
        {
            fixed (byte* start = text)
            {
                var done = 0;
                while (done < text.Length)
                {
                    var wrote = Write(to, start + done, text.Length - done);
                    if (wrote <= 0)
                    {
                        return;
                    }

                    done += (int)wrote;
                }
            }
        }
    }

    [DllImport("libc", EntryPoint = "isatty")]
    private static extern int IsTerminal(int handle);

    [DllImport("libc", EntryPoint = "write")]
    private static extern unsafe nint Write(int handle, byte* data, nint length);
}
