-- One row per period, strumento and person: what marts ask of their last assessment in the period.
with

periods as (select * from int_periods),

ranked as (
    select
        period, instrument, version, assessment_id, comune, age, sex, education, citizenship, household, work,
        is_disadvantage_known,
        row_number() over (
            partition by period, instrument, pseudonym
            order by assessed_on desc, validated_at desc, assessment_id desc
        ) as place
    from periods
),

final as (
    select
        period, instrument, version, assessment_id, comune, age, sex, education, citizenship, household, work,
        is_disadvantage_known
    from ranked
    where place = 1
)

select * from final
