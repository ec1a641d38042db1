using Laptime.Ledgers.Sql;

namespace Laptime.Ledgers.Behaviour;

/// <summary>What the text of a whole body says of being applied twice: a hint beside the evidence, never instead of it.</summary>
public sealed record ScriptReading
{
    /// <summary>Statements beyond this are counted, not kept.</summary>
    public const int Kept = 500;

    public required Answer Repeats { get; init; }

    /// <summary>The statement that decides, in words.</summary>
    public required string Why { get; init; }

    /// <summary>The first <see cref="Kept"/>, in order.</summary>
    public required IReadOnlyList<StatementReading> Statements { get; init; }

    public required long Count { get; init; }

    /// <summary>What lap does not run, each with its line and why; empty: everything can be tried.</summary>
    public required IReadOnlyList<string> Refused { get; init; }

    /// <summary>The first statement that begins or ends a transaction by itself; null: none.</summary>
    public StatementReading? ControlsTransaction { get; init; }

    /// <summary>Some statement cannot run in a transaction.</summary>
    public bool OutsideTransaction { get; init; }

    public IReadOnlyList<string> GuardedIndexes { get; init; } = [];

    /// <summary>What it takes away for good, as the text says it.</summary>
    public IReadOnlyList<DataLoss> Losses { get; init; } = [];

    public static ScriptReading Of(MigrationBody body, CancellationToken cancel)
    {
        if (body.Unread is { } unread)
        {
            return new ScriptReading { Repeats = Answer.Unknown, Why = unread, Statements = [], Count = 0, Refused = [unread] };
        }

        var kept = new List<StatementReading>();
        var losses = new DataLossReader();
        var refused = new List<string>();
        var indexes = new List<string>();
        var dropped = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        StatementReading? worst = null, control = null;
        var (count, outside) = (0L, false);
        foreach (var piece in body.Pieces())
        {
            cancel.ThrowIfCancellationRequested();
            if (Refusal(piece) is { } refusal && refused.Count < 20)
            {
                refused.Add($"line {piece.Line}: {refusal}");
            }

            if (piece.Kind == SqlPieceKind.TooLong)
            {
                // Nothing of it is run, and what follows may be as long as it likes.
                break;
            }

            if (piece.Kind != SqlPieceKind.Statement)
            {
                continue;
            }

            count++;
            losses.Read(piece, body.Dialect);
            var reading = Anew(StatementReader.Read(piece, body.Dialect), piece, dropped);
            worst = worst is null || reading.Repeats > worst.Repeats ? reading : worst;
            control ??= reading.ControlsTransaction ? reading : null;
            outside |= reading.OutsideTransaction;
            if (reading.GuardedIndex is { } index && indexes.Count < Kept)
            {
                indexes.Add(index);
            }

            if (kept.Count < Kept)
            {
                kept.Add(reading);
            }
        }

        return new ScriptReading
        {
            // What is not run may do anything.
            Repeats = refused.Count > 0 && worst?.Repeats != Answer.No ? Answer.Unknown : worst?.Repeats ?? Answer.Yes,
            Why = refused.Count > 0 && worst?.Repeats != Answer.No ? refused[0] : worst is null ? "it holds no statement" : $"line {worst.Line}, {worst.Head}: {worst.Why}",
            Statements = kept, Count = count, Refused = refused, ControlsTransaction = control, OutsideTransaction = outside, GuardedIndexes = indexes, Losses = losses.Losses,
        };
    }

    /// <summary>psql's own commands that a dump writes and that do nothing to a database.</summary>
    internal static bool IsHarmless(SqlPiece meta)
    {
        var command = meta.Text.TrimStart().Split([' ', '\t', '\r', '\n'], 2)[0];
        return command is "\\restrict" or "\\unrestrict" or "\\echo" or "\\qecho" or "\\timing" or "\\pset" or "\\x" && !meta.Text.Contains('`') && !meta.Text.Trim()[1..].Contains('\\');
    }

    private static string? Refusal(SqlPiece piece) => piece.Kind switch
    {
        SqlPieceKind.Meta when !IsHarmless(piece) => $"`{piece.Text.Trim().Split(' ', '\n', '\r')[0]}` is a command of psql, {Meta(piece.Text.Trim())}: lap never runs it",
        SqlPieceKind.Statement when piece.Words is ["PREPARE", "TRANSACTION", ..] => "PREPARE TRANSACTION leaves a transaction that outlives its session, and that nobody would end: lap never runs it",
        SqlPieceKind.Stray => "what follows a COPY … FROM STDIN on its line",
        SqlPieceKind.TooLong => $"a statement of more than {SqlSplitter.Longest >> 20} million characters",
        _ when piece.Unclosed is { } open => open switch
        {
            SqlTokenKind.Text => "a string that is never closed",
            SqlTokenKind.Name => "a quoted name that is never closed",
            SqlTokenKind.Body => "a dollar quote that is never closed",
            _ => "a comment that is never closed",
        },
        _ => null,
    };

    private static string Meta(string text) => text switch
    {
        ['\\', '!', ..] => "which runs a program of this machine's",
        _ when text.StartsWith("\\c ", StringComparison.Ordinal) || text.StartsWith("\\connect", StringComparison.Ordinal) => "which goes on in another database",
        _ when text.StartsWith("\\i", StringComparison.Ordinal) => "which reads another file",
        _ when text.StartsWith("\\copy", StringComparison.Ordinal) => "which reads or writes files or programs of this machine's",
        _ when text.StartsWith("\\g", StringComparison.Ordinal) => "which runs what comes out of a query",
        _ => "which does more than its text says",
    };

    /// <summary>DROP and then CREATE of one name.</summary>
    private static StatementReading Anew(StatementReading reading, SqlPiece piece, HashSet<string> dropped)
    {
        if (piece.Words is not ["CREATE" or "DROP", ..])
        {
            return reading;
        }

        var words = piece.Words.Where(static w => w is not ("CREATE" or "DROP" or "IF" or "EXISTS" or "NOT" or "UNIQUE" or "OR" or "REPLACE" or "CONCURRENTLY" or ".")).Take(2).ToList();
        if (words.Count < 2)
        {
            return reading;
        }

        var key = string.Join(' ', words);
        if (piece.Words[0] == "DROP")
        {
            // A file as long as it likes fills no memory.
            _ = dropped.Count < 20 * Kept && dropped.Add(key);
            return reading;
        }

        return reading.Repeats == Answer.No && dropped.Contains(key)
            ? words[0] == "TABLE"
                ? reading with { Why = "dropped and made anew: its rows are lost" }
                : reading with { Repeats = Answer.Yes, Why = "dropped before and made again" }
            : reading;
    }
}
