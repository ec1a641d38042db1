namespace Laptime.Ledgers.Sql;

public enum SqlPieceKind
{
    /// <summary>One statement for the server, with what stands before it.</summary>
    Statement,

    /// <summary>White space, comments, or an empty statement.</summary>
    Blank,

    /// <summary>A command of psql, to the end of its line.</summary>
    Meta,

    /// <summary>Lines of the COPY … FROM STDIN before it, whole ones but for very long ones; several pieces where there are many.</summary>
    CopyData,

    /// <summary>The line that ends the data.</summary>
    CopyEnd,

    /// <summary>What stands on the line of a COPY … FROM STDIN behind it: psql would read it after the data.</summary>
    Stray,

    /// <summary>A part of a statement that is too long to be held.</summary>
    TooLong,
}

/// <summary>A piece of a script. All pieces in order, put together, are the script again, to the character.</summary>
/// <param name="Line">Of its first character that is neither space nor comment; 1 is the first.</param>
public sealed record SqlPiece(SqlPieceKind Kind, string Text, long Line)
{
    /// <summary>Up to 8 of its first words outside of parentheses, in upper case.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];

    /// <summary>A COPY … FROM STDIN: data follows.</summary>
    public bool TakesData { get; init; }

    /// <summary>The text ends inside of this; null: it does not.</summary>
    public SqlTokenKind? Unclosed { get; init; }
}
