-- One row per period, strumento and person: their last assessment in the period.
with

periods as (select * from int_periods),

ranked as (
    select
        *,
        row_number() over (
            partition by period, instrument, pseudonym
            order by assessed_on desc, validated_at desc, assessment_id desc
        ) as place
    from periods
)

select * from ranked where place = 1
